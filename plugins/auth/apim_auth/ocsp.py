"""Whether a certificate was revoked, by the Online Certificate Status Protocol (RFC 6960): question and answer."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, Final

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

__all__ = ["NoStatus", "Status", "question", "responder_of", "status_of"]

_LEEWAY: Final = datetime.timedelta(minutes=5)
_NAMES_BY: Final = SHA1()  # noqa: S303  # it only shortens names here; what is believed is signed with something else
_SIGNED_WITH: Final = (SHA256, SHA384, SHA512)


class NoStatus(Exception):
    """An answer by which nothing can be told of the certificate. The text says why, for the operator."""


@attrs.frozen
class Status:
    """What the authority says of a certificate."""

    good: bool
    """False if it is revoked, and if the authority says that it never issued it."""
    until: datetime.datetime | None
    """Until when that may be believed, where the authority says so."""


def responder_of(certificate: x509.Certificate) -> str | None:
    """Where the certificate says that its authority can be asked (RFC 5280, section 4.2.2.1)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return None
    for each in access:
        where = each.access_location
        if each.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            where, x509.UniformResourceIdentifier
        ):
            return where.value
    return None


def question(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """What to post to the authority, as RFC 5019 (section 2.1) has it, so that every responder understands it."""
    return _asked(certificate, issuer).public_bytes(Encoding.DER)


def status_of(
    answer: bytes,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    now: datetime.datetime,
    oldest: datetime.timedelta,
) -> Status:
    """What an answer says of the certificate. Raises NoStatus unless the authority, or whom it has named for that,
    has signed it, it is about this certificate, and from now.

    One that does not say until when it holds says that there is always a newer one (RFC 6960, section 4.2.2.1), so that
    it must be no older than ``oldest``: else who stands between could show a good one for ever.
    """
    try:
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise NoStatus(f"the responder does not answer: {response.response_status.name}")
        if not any(_has_signed(signer, response) for signer in _signers(response, issuer, now)):
            raise NoStatus("neither the authority nor a responder of its own has signed the answer")
        single = _about(_asked(certificate, issuer), response.responses)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoStatus(f"the answer cannot be read: {error}") from error
    until = single.next_update_utc
    ends = single.this_update_utc + oldest + _LEEWAY if until is None else until
    if single.this_update_utc > now + _LEEWAY or ends < now:
        raise NoStatus(f"the answer is of another time: from {single.this_update_utc} until {until}")
    return Status(single.certificate_status is ocsp.OCSPCertStatus.GOOD, until)


def _asked(certificate: x509.Certificate, issuer: x509.Certificate) -> ocsp.OCSPRequest:
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, _NAMES_BY).build()


def _about(asked: ocsp.OCSPRequest, told: Iterable[ocsp.OCSPSingleResponse]) -> ocsp.OCSPSingleResponse:
    for each in told:
        if (
            isinstance(each.hash_algorithm, SHA1)
            and each.serial_number == asked.serial_number
            and each.issuer_key_hash == asked.issuer_key_hash
            and each.issuer_name_hash == asked.issuer_name_hash
        ):
            return each
    raise NoStatus("the answer is about another certificate")


def _signers(
    response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime.datetime
) -> Iterable[x509.Certificate]:
    """Who may sign answers: the authority, and those whose certificates by it say so (RFC 6960, section 4.2.2.2)."""
    yield issuer
    for each in response.certificates:
        try:
            each.verify_directly_issued_by(issuer)
            usage = each.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            continue
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage and each.not_valid_before_utc <= now <= each.not_valid_after_utc:
            yield each


def _has_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    key: Any = signer.public_key()
    signature, signed, algorithm = response.signature, response.tbs_response_bytes, response.signature_hash_algorithm
    if algorithm is not None and not isinstance(algorithm, _SIGNED_WITH):
        return False
    try:
        if isinstance(key, RSAPublicKey) and algorithm is not None:
            key.verify(signature, signed, PKCS1v15(), algorithm)
        elif isinstance(key, EllipticCurvePublicKey) and algorithm is not None:
            key.verify(signature, signed, ECDSA(algorithm))
        elif isinstance(key, Ed25519PublicKey) and algorithm is None:
            key.verify(signature, signed)
        else:
            return False
    except InvalidSignature:
        return False
    return True
