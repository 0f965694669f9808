"""Certificates of clients, and of the authorities that vouch for them or take that back."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@attrs.frozen
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def written(self, folder: Path, name: str) -> Path:
        """Write the certificate to a file."""
        (folder / name).write_bytes(self.pem)
        return folder / name

    def connecting(self, folder: Path, *sent: Issued) -> ssl.SSLContext:
        """What a client connects with that shows the certificate, sends others with it, and believes any server."""
        kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = folder / f"{self.fingerprint}.pem"
        others = b"".join(each.pem for each in sent)
        file.write_bytes(self.pem + others + self.key.private_bytes(kind, form, serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(file)
        return context


def issue(
    name: str | x509.Name,
    by: Issued | None = None,
    *,
    authority: bool = False,
    names: Sequence[x509.GeneralName] = (),
    usages: Sequence[x509.ObjectIdentifier] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    start: datetime.datetime = START,
    days: float = 3650,
    key: Any = None,
    responder: str | None = None,
    path_length: int | None = None,
    extensions: Sequence[x509.ExtensionType] = (),
) -> Issued:
    """A certificate; signed by itself unless by an authority, which can be asked of it at the ``responder``."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) if isinstance(name, str) else name
    issuer = subject if by is None else by.certificate.subject
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + days * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if responder is not None:
        where = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    signing = key if by is None else by.key
    return Issued(builder.sign(signing, None if isinstance(signing, Ed25519PrivateKey) else hashes.SHA256()), key)


def revocation_list(
    by: Issued,
    *revoked: Issued,
    start: datetime.datetime = START,
    days: float = 3650,
    extension: x509.ExtensionType | None = None,
) -> bytes:
    """A revocation list of an authority, PEM; with a critical extension if one is given."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(start).next_update(start + days * DAY)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(start)
        builder = builder.add_revoked_certificate(entry.build())
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def status_answer(
    about: Issued,
    by: Issued,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    signer: Issued | None = None,
    start: datetime.datetime = START,
    days: float | None = 365,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """What an authority answers when it is asked of a certificate (RFC 6960), or a ``signer`` in its place."""
    signer = signer or by
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=about.certificate,
        issuer=by.certificate,
        algorithm=hashes.SHA1(),  # as everybody has it
        cert_status=status,
        this_update=start,
        next_update=None if days is None else start + days * DAY,
        revocation_time=start if status is ocsp.OCSPCertStatus.REVOKED else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if signer is not by:
        builder = builder.certificates([signer.certificate])
    signed = builder.sign(
        signer.key, None if isinstance(signer.key, Ed25519PrivateKey) else algorithm or hashes.SHA256()
    )
    return signed.public_bytes(serialization.Encoding.DER)
