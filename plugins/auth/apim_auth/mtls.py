"""Let in clients that show a certificate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import attrs
from apim_sdk import (
    Applications,
    Authenticator,
    Clock,
    Context,
    Credential,
    Duration,
    Exchange,
    Principal,
    Regex,
    Reject,
    Secret,
    state,
)
from apim_sdk.errors import INVALID_CREDENTIALS, PLAN_RESOLUTION_FAILURE

from apim_auth.api_key_bounds import check_bounds
from apim_auth.certificates import certificate_of
from apim_auth.mtls_verdict import InvalidCertificate, UnknownStatus, Verified

__all__ = ["MTLS", "OCSP", "Trusted"]

_CHALLENGE: Final = 'ClientCertificate realm="apim"'


@attrs.frozen
class Trusted:
    """Whose certificates are good."""

    certificates: tuple[Path, ...] = ()
    """PEM files of certificates that are good themselves."""
    ca: tuple[Path, ...] = ()
    """PEM files of authorities, root or intermediate, whose certificates are good."""

    @property
    def empty(self) -> bool:
        """Whether nobody's are."""
        return not (self.certificates or self.ca)


def _url(instance: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not value.startswith(("https://", "http://")):
        raise ValueError(f"{value!r} is no URL of a responder: write http://host/path")


@attrs.frozen
class OCSP:
    """How authorities are asked whether they have revoked a certificate (RFC 6960)."""

    responder: str | None = attrs.field(default=None, validator=_url)
    """URL of the responder; without it, the one that the certificate names."""
    timeout: Duration = Duration("3s")
    """How long an answer is waited for."""
    cache: Duration = Duration("1h")
    """For how long an answer holds, but not beyond what it says itself; and how old one may be that says nothing."""
    on_error: Literal["closed", "open"] = "closed"
    """What becomes of a certificate of which nothing can be told: `closed` answers 503, `open` lets it in."""


@attrs.frozen
class MTLS(Authenticator):
    """Lets in clients that show a certificate in the TLS handshake, or to a trusted proxy.

    The certificate must be listed, come from a listed authority, or be one that an application holds as a key of the
    kind `certificate` (its SHA-256 in hexadecimal digits); and be valid today. Only certificates of applications ask
    for a subscription. A listener asks for certificates with `tls: {client_ca: ..., client_certificate: optional}`; it
    does not even let those connect for whom `client_ca` does not vouch.
    """

    requires_subscription: ClassVar[bool] = False
    challenge: ClassVar[str | None] = _CHALLENGE
    example: ClassVar[Any] = {"application": True, "header": "Client-Cert"}

    certificates: tuple[Path, ...] = ()
    """PEM files of certificates that are good themselves."""
    ca: tuple[Path, ...] = ()
    """PEM files of authorities, root or intermediate, whose certificates are good. Authorities between one of them and
    the client's certificate may be listed, too, or come with it."""
    sandbox: Trusted = Trusted()
    """Whose certificates are good as sandbox keys; those above are production keys."""
    application: bool = False
    """Whether the certificate must be one that an application holds, and brings its subscriptions."""
    subject: tuple[Regex, ...] = ()
    """Patterns of which one must fit the whole subject, written as `CN=shop,O=Example` (RFC 4514)."""
    san: tuple[Regex, ...] = ()
    """Patterns of which one must fit a whole alternative name, written as `DNS:shop.example`, `URI:spiffe://a/b`,
    `email:a@b.example` or `IP:192.0.2.1`."""
    crl: tuple[Path, ...] = ()
    """Files of certificate revocation lists, PEM or DER, that authorities in `ca` have signed. While one is out of
    date, its authority's certificates are answered with 503."""
    ocsp: OCSP | None = None
    """Asks the authority of a certificate whether it is revoked: when the certificate first comes, and
    again when the answer is old. `{}` asks the responder that the certificate names."""
    header: str | None = None
    """Header in which trusted proxies say which certificate their client showed: PEM, percent-encoded or not, DER in
    base64, or as `Client-Cert` (RFC 9440). Nobody else is believed. The header of this name with `-Chain` may hold the
    authorities between, as `Client-Cert-Chain` does."""
    scopes: tuple[str, ...] = ()
    """Scopes that everybody has who comes in by this plan's certificates."""
    forward: bool = False
    """Whether the endpoint gets to see the header of a trusted proxy."""
    _verify: Callable[[str, Exchange], Verified] = state()
    _check_status: Callable[[Verified], Awaitable[None] | None] | None = state()
    _close: Callable[[], Awaitable[None]] | None = state()
    _applications: Applications = state()
    _clock: Clock = state()

    def __attrs_post_init__(self) -> None:
        if not (self.certificates or self.ca or self.application) and self.sandbox.empty:
            raise ValueError("say whose certificates are good: `certificates`, `ca`, `sandbox` or `application: true`")
        if self.crl and not (self.ca or self.sandbox.ca):
            raise ValueError("`crl` needs `ca`: who has signed the revocation lists?")
        if self.ocsp is not None and not (self.ca or self.sandbox.ca):
            raise ValueError("`ocsp` needs `ca`: whom is to be asked of certificates?")
        self.hold(requires_subscription=self.application)

    async def start(self, context: Context) -> None:
        from apim_auth.mtls_verifier import CertificateVerifier  # which loads a library for cryptography

        verifier = await context.shared(("mtls", self), lambda: CertificateVerifier(self, context.clock))
        await verifier.refresh()
        context.spawn(verifier.keep_fresh(context.log), f"certificates of {context.place}")
        self.hold(_verify=verifier.verify, _applications=context.applications, _clock=context.clock)
        if self.ocsp is not None:
            from apim_auth.mtls_status import CertificateStatuses

            known = await context.shared(("certificate statuses", self), CertificateStatuses.memory)
            statuses = CertificateStatuses(self.ocsp, context, known)
            self.hold(_check_status=statuses.check, _close=statuses.close)

    async def stop(self) -> None:
        if self._close is not None:
            await self._close()

    def find(self, exchange: Exchange) -> Credential | None:
        certificate = certificate_of(exchange, self.header)
        return None if certificate is None else Credential("certificate", Secret(certificate.decode("latin-1")))

    def judge(self, credential: Credential, exchange: Exchange) -> Principal | Awaitable[Principal]:
        try:
            verified = self._verify(credential.value.reveal(), exchange)
            asked = None if self._check_status is None else self._check_status(verified)
        except (InvalidCertificate, UnknownStatus) as error:
            raise _refusal_of(error) from error
        return self._admit(verified, exchange) if asked is None else self._later(asked, verified, exchange)

    async def _later(self, asked: Awaitable[None], verified: Verified, exchange: Exchange) -> Principal:
        try:
            await asked
        except (InvalidCertificate, UnknownStatus) as error:
            raise _refusal_of(error) from error
        return self._admit(verified, exchange)

    def _admit(self, verified: Verified, exchange: Exchange) -> Principal:
        return self._of_application(verified, exchange) if self.application else verified.principal

    def _of_application(self, verified: Verified, exchange: Exchange) -> Principal:
        key = self._applications.find("certificate", verified.fingerprint)
        if key is None or (key.expires is not None and key.expires <= self._clock.now()):
            raise _refusal(f"no application holds the certificate {verified.fingerprint}")
        if key.addresses or key.referers:
            check_bounds(exchange, key.addresses, key.referers)
        return attrs.evolve(verified.principal, application=key.application, key_type=key.key_type)

    def conceal(self, exchange: Exchange) -> None:
        if self.header is None or (self.forward and exchange.client.trusted):
            return
        exchange.request.headers.remove(self.header)
        exchange.request.headers.remove(f"{self.header}-Chain")


def _refusal_of(error: InvalidCertificate | UnknownStatus) -> Reject:
    if isinstance(error, UnknownStatus):
        return Reject(PLAN_RESOLUTION_FAILURE, detail=str(error))
    return _refusal(str(error))


def _refusal(detail: str) -> Reject:
    return Reject(INVALID_CREDENTIALS, headers={"WWW-Authenticate": _CHALLENGE}, detail=detail)
