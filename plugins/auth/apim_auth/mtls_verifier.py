"""Holds client certificates against what an operator trusts, and remembers those that were good."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
from apim_sdk import Clock, Exchange, KeyType, Logger, Principal, Regex
from cachetools import LRUCache
from cryptography import x509

from apim_auth.certificates import fingerprint, sent_with, thumbprint
from apim_auth.mtls_trust import RevocationLists, Trust, parse
from apim_auth.mtls_verdict import InvalidCertificate, Verified
from apim_auth.rereading import Rereading

if TYPE_CHECKING:
    from apim_auth.mtls import MTLS

__all__ = ["CertificateVerifier"]

_REMEMBERED: Final = 10_000
_REMEMBERED_FOR: Final = 60.0
"""Seconds until a certificate is looked at again, so that the dates of authorities and lists count too."""


@attrs.frozen
class _Trusted:
    production: Trust
    sandbox: Trust
    crls: RevocationLists


class CertificateVerifier:
    """Verifies certificates by the settings of an authenticator, whose files are read again when they have changed."""

    def __init__(self, settings: MTLS, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        sandbox = settings.sandbox
        files = (*settings.certificates, *settings.ca, *sandbox.certificates, *sandbox.ca, *settings.crl)
        self._files = Rereading(files, self._read, _Trusted(Trust((), ()), Trust((), ()), RevocationLists((), ())))
        self._any = not (settings.certificates or settings.ca) and sandbox.empty
        self._generation = 0
        self._verified: LRUCache[str, Verified] = LRUCache(_REMEMBERED)

    async def refresh(self) -> None:
        """Read the files if they have changed. Raises OSError, or ValueError naming the file that is no good."""
        await self._files.refresh()

    async def keep_fresh(self, log: Logger) -> None:
        """Read the files again whenever they have changed."""
        await self._files.keep_fresh(log)

    def verify(self, certificate: str, exchange: Exchange) -> Verified:
        """A certificate (its DER, a letter a byte) that is good now; others may have come with it.

        Raises InvalidCertificate, and StaleRevocationList where that cannot be told.
        """
        if self._generation != self._files.generation:
            self._verified.clear()
            self._generation = self._files.generation
        known = self._verified.get(certificate)
        if known is None or known.until <= self._clock.now():
            known = self._verified[certificate] = self._verify(certificate.encode("latin-1"), exchange)
        return known

    def _read(self) -> _Trusted:
        settings = self._settings
        production = Trust(settings.certificates, settings.ca)
        sandbox = Trust(settings.sandbox.certificates, settings.sandbox.ca)
        crls = RevocationLists(settings.crl, (*production.authorities, *sandbox.authorities))
        return _Trusted(production, sandbox, crls)

    def _verify(self, der: bytes, exchange: Exchange) -> Verified:
        parsed = parse(der)
        seconds = self._clock.now()
        now = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        if not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc:
            raise InvalidCertificate(
                f"it is good from {parsed.not_valid_before_utc} until {parsed.not_valid_after_utc} only"
            )
        digest = fingerprint(der)
        key_type, chain = self._trusted(parsed, digest, now, exchange)
        subject = parsed.subject.rfc4514_string()
        names = _alternative_names(parsed)
        _check(self._settings.subject, (subject,), "subject")
        _check(self._settings.san, names, "alternative names")
        expires = parsed.not_valid_after_utc.timestamp()
        principal = Principal(
            subject or next(iter(names), digest),
            frozenset(self._settings.scopes),
            claims=_claims(parsed, der, names),
            issuer=parsed.issuer.rfc4514_string(),
            expires=expires,
            key_type=key_type,
        )
        return Verified(principal, digest, min(expires, seconds + _REMEMBERED_FOR), chain)

    def _trusted(
        self, certificate: x509.Certificate, digest: str, now: datetime.datetime, exchange: Exchange
    ) -> tuple[KeyType | None, Sequence[x509.Certificate]]:
        """Among whose certificates it is, and its chain. Raises InvalidCertificate if it is among nobody's."""
        if self._any:
            return None, (certificate,)
        trusted = self._files.value
        sent = _readable(sent_with(exchange, self._settings.header))
        key_type: KeyType = "production"
        chain = trusted.production.chain_of(certificate, digest, now, sent)
        if chain is None:
            key_type = "sandbox"
            chain = trusted.sandbox.chain_of(certificate, digest, now, sent)
        if chain is None:
            raise InvalidCertificate("it is not among those that are listed, nor by an authority that is")
        trusted.crls.check(chain, now)
        return key_type, chain


def _readable(certificates: Iterable[bytes]) -> list[x509.Certificate]:
    """Those that are certificates of keys that are long enough; clients may send others, too."""
    found = []
    for certificate in certificates:
        with contextlib.suppress(InvalidCertificate):
            found.append(parse(certificate))
    return found


def _check(patterns: tuple[Regex, ...], values: tuple[str, ...], what: str) -> None:
    if patterns and not any(pattern.fullmatch(value) for pattern in patterns for value in values):
        raise InvalidCertificate(f"its {what} fit no pattern")


def _claims(certificate: x509.Certificate, der: bytes, names: tuple[str, ...]) -> Mapping[str, Any]:
    """What the certificate says, for policies; ``cnf`` as RFC 8705 (section 3.1) writes it."""
    return MappingProxyType(
        {
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "serial": f"{certificate.serial_number:x}",
            "san": list(names),
            "cnf": {"x5t#S256": thumbprint(der)},
        }
    )


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The subject's alternative names (RFC 5280, section 4.2.1.6), each behind its kind as OpenSSL writes it."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    found = [f"DNS:{name}" for name in names.get_values_for_type(x509.DNSName)]
    found += [f"URI:{name}" for name in names.get_values_for_type(x509.UniformResourceIdentifier)]
    found += [f"email:{name}" for name in names.get_values_for_type(x509.RFC822Name)]
    found += [f"IP:{name}" for name in names.get_values_for_type(x509.IPAddress)]
    return tuple(found)
