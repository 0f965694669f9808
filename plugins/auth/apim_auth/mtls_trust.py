"""Which client certificates are good: those that are listed, and those of listed authorities (RFC 5280, section 6)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from apim_auth.certificates import fingerprint
from apim_auth.mtls_verdict import InvalidCertificate, StaleRevocationList

__all__ = ["RevocationLists", "Trust", "parse"]

_LEAST_RSA_BITS = 2048
_UNREADABLE = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
"""What else is raised for certificates that are against their standard; each is an exception of its own kind."""
_DELTA_AND_SUCH = "a delta, one for the certificates of other authorities, or with a critical extension that is unknown"
_CLIENT_USAGES = frozenset((ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE))


def parse(certificate: bytes) -> x509.Certificate:
    """A certificate from its DER. Raises InvalidCertificate."""
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        parsed.extensions  # noqa: B018  # which are only read when they are asked for
        parsed.subject.rfc4514_string()
        parsed.issuer.rfc4514_string()
        key = parsed.public_key()
    except (ValueError, UnsupportedAlgorithm, *_UNREADABLE) as error:
        raise InvalidCertificate(f"it is no certificate: {error}") from error
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        raise InvalidCertificate(f"its key has {key.key_size} bits only")
    return parsed


class Trust:
    """Certificates that are good themselves, and authorities that vouch for others.

    Raises OSError, or ValueError naming the file, where a file (PEM, one certificate or more) holds none.
    """

    def __init__(self, certificates: Iterable[Path], authorities: Iterable[Path]) -> None:
        listed = [each for file in certificates for each in _load(file)]
        self._listed = frozenset(fingerprint(each.public_bytes(Encoding.DER)) for each in listed)
        self.authorities = tuple(each for file in authorities for each in _load(file))
        self._store = Store(list(self.authorities)) if self.authorities else None

    def chain_of(
        self,
        certificate: x509.Certificate,
        digest: str,
        now: datetime.datetime,
        sent: Sequence[x509.Certificate] = (),
    ) -> Sequence[x509.Certificate] | None:
        """The certificate and those that vouch for it; None if nothing here does. Each is valid ``now``.

        Those that were ``sent`` with it may stand between, if an authority here vouches for them in the end.
        """
        if digest in self._listed:
            return (certificate,)
        if self._store is None:
            return None
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(now)
            .extension_policies(ca_policy=_authority_policy(), ee_policy=_client_policy())
            .build_client_verifier()
        )
        try:
            return verifier.verify(certificate, list(sent)).chain
        except (VerificationError, ValueError):
            return None


def _authority_policy() -> ExtensionPolicy:
    """What RFC 5280 wants of authorities, but not all that the public web's authorities have to do."""
    policy = ExtensionPolicy.permit_all()
    policy = policy.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    policy = policy.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates)
    return policy.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_authenticate_clients)


def _client_policy() -> ExtensionPolicy:
    return ExtensionPolicy.permit_all().may_be_present(
        x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_authenticate_clients
    )


def _may_sign_certificates(policy: object, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority's key may not sign certificates")


def _may_authenticate_clients(
    policy: object, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    if usage is not None and _CLIENT_USAGES.isdisjoint(usage):
        raise ValueError("a certificate is for something else than clients")


@attrs.frozen
class _Known:
    crl: x509.CertificateRevocationList
    until: datetime.datetime | None


class RevocationLists:
    """Certificate revocation lists (RFC 5280, section 5), which the given authorities have signed.

    Raises OSError, or ValueError naming the file, where one cannot be read or is signed by somebody else.
    """

    def __init__(self, files: Iterable[Path], authorities: Sequence[x509.Certificate]) -> None:
        self._by_issuer: dict[bytes, list[_Known]] = {}
        for file in files:
            crl = _load_crl(file)
            if not any(_signed_by(crl, authority) for authority in authorities):
                raise ValueError(f"{file}: none of the certificates in `ca` has signed this revocation list")
            self._by_issuer.setdefault(crl.issuer.public_bytes(), []).append(_Known(crl, crl.next_update_utc))

    def check(self, chain: Iterable[x509.Certificate], now: datetime.datetime) -> None:
        """Raises InvalidCertificate if one of the chain is revoked, StaleRevocationList if that cannot be told now.

        A certificate whose issuer has no list here is not looked for.
        """
        for certificate in chain:
            for known in self._by_issuer.get(certificate.issuer.public_bytes(), ()):
                if known.crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                    raise InvalidCertificate(f"the certificate {certificate.serial_number:x} is revoked")
                if known.until is not None and known.until < now:
                    raise StaleRevocationList(
                        f"the revocation list of {certificate.issuer.rfc4514_string()} was good until {known.until}"
                    )


def _load(file: Path) -> list[x509.Certificate]:
    data = file.read_bytes()
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise ValueError(f"{file} holds no certificates in PEM: {error}") from error


def _load_crl(file: Path) -> x509.CertificateRevocationList:
    data = file.read_bytes()
    load = x509.load_pem_x509_crl if b"-----BEGIN" in data else x509.load_der_x509_crl
    try:
        crl = load(data)
        extensions = list(crl.extensions)
    except ValueError as error:
        raise ValueError(f"{file} is no certificate revocation list: {error}") from error
    for extension in extensions:
        point = extension.value
        whole = isinstance(point, x509.IssuingDistributionPoint) and not point.indirect_crl
        if extension.critical and not whole:  # what is not understood makes a list useless (RFC 5280, section 5.2)
            raise ValueError(f"{file} is a revocation list that is not read here: {_DELTA_AND_SUCH}")
    return crl


def _signed_by(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if crl.issuer != authority.subject:
        return False
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # TypeError for other keys
    except (InvalidSignature, TypeError, ValueError):
        return False
