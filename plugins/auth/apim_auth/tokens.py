"""What authenticators of access tokens have in common: where requests carry them, what they are held against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal

import attrs
from apim_sdk import (
    Authenticator,
    Context,
    Credential,
    Duration,
    Exchange,
    HeaderField,
    Principal,
    Secret,
    Size,
    state,
)

from apim_auth.acceptance import invalid
from apim_auth.binding import check_bearer
from apim_auth.claims import InvalidClaims
from apim_auth.concealing import remove_cookie, remove_parameter
from apim_auth.managers import KeyManagers
from apim_auth.requirements import Requirements
from apim_auth.verified import Verified, VerifiedTokens

__all__ = ["Examine", "TokenAuthenticator"]

Examine = Callable[[str], Verified | Awaitable[Verified]]
"""Verifies a token that is not known yet. Raises Reject."""


@attrs.frozen
class TokenAuthenticator(Authenticator):
    """Takes access tokens. A subclass says how one is verified (``examining``); it is remembered here.

    ``examine`` judges a token for itself, ``judge`` also whether who presents it may: one that is bound to a
    certificate (RFC 8705) is good only with that certificate, and one that is bound to a key never as a bearer token.
    """

    challenge: ClassVar[str | None] = 'Bearer realm="apim"'

    key_manager: str | None = None
    """Name of the key manager whose tokens are accepted."""
    audience: tuple[str, ...] = ()
    """Of which the token's `aud` must name at least one, else 403; without any, `aud` is not looked at."""
    client_id_claim: str | None = None
    """Claim that names the client, by which the application is found; without it, the one that the key manager uses:
    mostly `azp`, else `client_id`."""
    scope_claim: str | None = None
    """Claim that holds the scopes, as text with spaces or as a list; without it, the one that the key manager uses:
    mostly `scope`."""
    roles_claim: str | None = None
    """Claim that holds the subject's roles, as text with spaces or as a list; dots lead into claims, as in
    `realm_access.roles`. Without it, the subject has none."""
    required_claims: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    """Claims that the token must have, else 403: by name a value, a list of values of which one is enough,
    `{pattern: ...}` (RE2, for the whole text), or `null` for any. A claim that is a list must hold what is wanted."""
    forbidden_claims: tuple[str, ...] = ()
    """Claims that the token must not have, else 403."""
    bound: Literal["certificate", "refuse", "required"] = "certificate"
    """What becomes of tokens that are bound to a client certificate (RFC 8705): `certificate` accepts them from who
    shows it, and bearer tokens too; `required` accepts no bearer tokens; `refuse` accepts no bound ones. Tokens that
    are bound to a key (RFC 9449) are always refused here: they are for `dpop`."""
    certificate_header: str | None = None
    """Header in which a trusted proxy says what the client's certificate is; without it, the one of the connection
    counts."""
    leeway: Duration = Duration("30s")
    """How far the issuer's clock and this one may be apart."""
    header: str | None = "Authorization"
    """Header that carries the token: `Authorization` behind the word `Bearer`, any other alone or behind it."""
    query: str | None = None
    """Query parameter that carries the token where the header does not; by default none, for URLs end up in logs."""
    cookie: str | None = None
    """Cookie that carries the token where neither header nor query does."""
    forward: bool = False
    """Whether the endpoint gets to see the token."""
    max_size: Size = Size("16KiB")
    """Size of the longest token that is looked at."""
    cache_tokens: int = attrs.field(default=10_000, validator=attrs.validators.ge(0))
    """How many verified tokens are remembered; 0 to verify each time."""
    cache_size: Size = Size("32MiB")
    """About how much memory verified tokens may take."""
    requirements: Requirements = state()
    _header: bytes = state()
    _known: VerifiedTokens = state()
    _examine: Examine = state()

    def __attrs_post_init__(self) -> None:
        if not (self.header or self.query or self.cookie):
            raise ValueError("name the `header`, `query` parameter or `cookie` that carries the token")
        self.hold(
            _header=HeaderField(self.header, "").lower_name if self.header else b"",
            requirements=Requirements(self.audience, self.required_claims, self.forbidden_claims),
        )

    async def start(self, context: Context) -> None:
        managers = await self.managers(context)
        now, revocations = context.clock.now, context.revocations
        # What was verified by the same settings and the same key managers stays verified over a reload.
        known = await context.shared(
            # Revocations may be others after a reload; what is remembered holds those that it was held against.
            # Claims that must be 1 are other settings than those that must be true, though Python has them equal.
            ("tokens", self, repr(self.required_claims), managers, id(revocations)),
            lambda: VerifiedTokens(self.cache_tokens, self.cache_size, now, revocations),
        )
        self.hold(_known=known, _examine=self.examining(context, managers, known))

    async def managers(self, context: Context) -> KeyManagers:
        """The key managers whose tokens are accepted. Raises LookupError."""
        return KeyManagers.of(context, () if self.key_manager is None else (self.key_manager,))

    def examining(self, context: Context, managers: KeyManagers, known: VerifiedTokens) -> Examine:
        """How a token is verified that is not among those ``known``; it has to put it there."""
        raise NotImplementedError(f"{type(self).__name__} must define examining()")

    def examine(self, token: str) -> Verified | Awaitable[Verified]:
        """The token, if it is good in itself, whoever presents it. Raises Reject."""
        return self._known.get(token) or self._examine(token)

    def recognise(self, exchange: Exchange) -> Principal | None:
        value = exchange.request.headers.combined(self._header)
        return None if value is None else self._known.bearer(value)

    def find(self, exchange: Exchange) -> Credential | None:
        request = exchange.request
        token = None
        if self.header:
            value = request.headers.combined(self._header)
            if value is not None:
                token = self._bare(value)
        if token is None and self.query and request.query_string:
            token = ", ".join(request.query.get(self.query, ())) or None
        if token is None and self.cookie:
            token = request.cookies.get(self.cookie) or None
        return None if token is None else Credential("bearer", Secret(token))

    def judge(self, credential: Credential, exchange: Exchange) -> Principal | Awaitable[Principal]:
        verified = self.examine(credential.value.reveal())
        return self._present(verified, exchange) if isinstance(verified, Verified) else self._later(verified, exchange)

    async def _later(self, asked: Awaitable[Verified], exchange: Exchange) -> Principal:
        return self._present(await asked, exchange)

    def _present(self, verified: Verified, exchange: Exchange) -> Principal:
        """The principal of a token, if who presents it may. Raises Reject."""
        if verified.confirmation is not None:
            try:
                check_bearer(verified.confirmation, exchange, self.certificate_header)
            except InvalidClaims as error:
                raise invalid(error) from error
        return verified.principal

    def conceal(self, exchange: Exchange) -> None:
        if self.forward:
            return
        exchange.request.headers.discard(self._header)
        if self.query:
            remove_parameter(exchange.request, self.query)
        if self.cookie:
            remove_cookie(exchange.request, self.cookie)

    def _bare(self, value: bytes) -> str | None:
        """The token in a header; None if it is a credential of another kind. What comes twice is a list, no token."""
        if value[:7].lower() == b"bearer ":
            value = value[7:].strip(b" ")
        elif self._header == b"authorization":
            return None
        return value.decode("latin-1") or None
