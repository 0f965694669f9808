"""Let in who presents a JSON Web Token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, get_args

import attrs
from apim_sdk import (
    Authenticator,
    Context,
    Credential,
    Duration,
    Exchange,
    HeaderField,
    KeyManager,
    Principal,
    Secret,
    Size,
    state,
)

from apim_auth.concealing import remove_cookie, remove_parameter
from apim_auth.verified import VerifiedTokens

__all__ = ["JWT"]

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


@attrs.frozen
class JWT(Authenticator):
    """Lets in who presents a JSON Web Token (RFC 7519, RFC 9068) that a key manager's key has signed.

    The token says who the subject is, for which client and scopes, for whom and how long. It is a bearer token: one
    that is bound to a key or certificate (`cnf`) is refused. A token is verified once, until it expires or the key
    manager drops a key.
    """

    challenge: ClassVar[str] = 'Bearer realm="apim"'
    example: ClassVar[Any] = {"key_manager": "main", "audience": ["orders"], "client_id_claim": "azp"}

    key_manager: str
    """Name of the key manager whose tokens are accepted."""
    audience: tuple[str, ...] = ()
    """Of which the token's `aud` must name at least one, else 403; without any, `aud` is not looked at."""
    client_id_claim: str | None = None
    """Claim that names the client, by which the application is found; without it, `azp`, else `client_id`."""
    scope_claim: str = "scope"
    """Claim that holds the scopes, as text with spaces or as a list; `scp` for Microsoft Entra."""
    required_claims: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    """Claims and the values that they must have, or hold in a list; else 403."""
    algorithms: tuple[Algorithm, ...] = get_args(Algorithm)
    """Signature algorithms that are accepted, of those that fit the key."""
    types: tuple[str, ...] = ()
    """Values of `typ` in the token's header that are accepted, such as `at+jwt`; without any, `JWT`, `at+jwt` or none.
    Another is an incorrect token type."""
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
    _header: bytes = state()
    _manager: KeyManager = state()
    _verified: VerifiedTokens = state()
    _verify: Callable[[str], Principal | Awaitable[Principal]] = state()

    def __attrs_post_init__(self) -> None:
        if not (self.header or self.query or self.cookie):
            raise ValueError("name the `header`, `query` parameter or `cookie` that carries the token")
        self.hold(_header=HeaderField(self.header, "").lower_name if self.header else b"")

    async def start(self, context: Context) -> None:
        from apim_auth.verifier import Verifier  # which loads a library for cryptography: too slow for an import

        manager = context.key_manager(self.key_manager)
        now = context.clock.now
        # What was verified by the same settings and the same key manager stays verified over a reload.
        verified = await context.shared(
            ("jwt", self, manager), lambda: VerifiedTokens(self.cache_tokens, self.cache_size, now)
        )
        self.hold(_manager=manager, _verified=verified, _verify=Verifier(self, manager, verified, now).verify)

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
        token = credential.value.reveal()
        return self._verified.get(token, self._manager.generation) or self._verify(token)

    def conceal(self, exchange: Exchange) -> None:
        if self.forward:
            return
        if self.header:
            exchange.request.headers.remove(self.header)
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
