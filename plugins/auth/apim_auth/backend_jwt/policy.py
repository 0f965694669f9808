"""Tell the backend who calls, in a token that it can check."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import attrs
from apim_sdk import (
    ANONYMOUS,
    Application,
    Context,
    Duration,
    Exchange,
    HeaderField,
    Policy,
    Principal,
    Template,
    state,
)

from apim_auth.backend_jwt.claims import claims_of

__all__ = ["BackendJWT"]

_REUSED: Final = 0.5
"""How much of its life a token is given to backends for: they get the rest of it to look at it."""

_MOST_HYPHENS: Final = 6
"""Of a header name of which every alias is known; of one with more, those with nothing but underscores."""

_Token = tuple[Principal, HeaderField, float, Application | None]
"""Whose it is, the header field, until when it is handed out, and the application as it tells of it."""


@attrs.frozen
class BackendJWT(Policy):
    """Gives the backend a signed token that says who calls, for which application, by which plan.

    The endpoint `jwks` with the same keys publishes what backends check it by. What a client sends under the same
    header name never gets through, nor under one with underscores that a backend may take for it. Who calls without a
    credential gets no token.
    """

    example: ClassVar[Any] = {"issuer": "https://gateway.example", "header": "X-JWT-Assertion"}

    keys: tuple[Path, ...] = ()
    """PEM files of private keys, RSA (RS256), EC (ES256 ...) or Ed25519 (EdDSA), without a password. The first signs.
    To change it, add the new one as the second, so that backends learn it, and later put it first. Without any, each
    process makes one when it starts, which is for trying out only."""
    header: str = "X-JWT-Assertion"
    """Header that carries the token."""
    issuer: str = "wso2.org/products/am"
    """The `iss` of the token."""
    audience: tuple[str, ...] = ()
    """The `aud` of the token; without any, it has none."""
    dialect: str = "http://wso2.org/claims"
    """What stands before the names of claims about the call, with a slash; empty for the bare names."""
    lifetime: Duration = attrs.field(default=Duration("15m"), validator=attrs.validators.ge(Duration("1s")))
    """How long a token is good, but never longer than the caller's own credential."""
    token_claims: bool = True
    """Whether the claims of the caller's own token are passed on, those apart that say how that token is to be used."""
    excluded_claims: tuple[str, ...] = ()
    """Claims of the caller's token that are not passed on."""
    claims: Mapping[str, Template] = attrs.field(factory=dict, hash=False)
    """More claims. Where there are any, a token is made for every request."""
    encoding: Literal["base64url", "base64"] = "base64url"
    """Encoding of the token's parts. `base64` is the padded standard alphabet, which is no JWT: only for backends that
    were written for it."""
    cache: int = attrs.field(default=10_000, validator=attrs.validators.ge(0))
    """How many tokens are kept to be handed out again."""
    _aliases: frozenset[bytes] = state()
    _key: Any = state()
    _now: Callable[[], float] = state()
    _tokens: OrderedDict[Any, _Token] = state()

    def __attrs_post_init__(self) -> None:
        self.hold(_aliases=_aliases_of(self.header.lower()))

    async def start(self, context: Context) -> None:
        from apim_auth.backend_jwt.signing import signing_keys  # which loads a library for cryptography

        keys = await signing_keys(self.keys, context)
        self.hold(_key=keys[0], _now=context.clock.now, _tokens=OrderedDict())

    def on_request(self, exchange: Exchange) -> None:
        principal, headers = exchange.principal, exchange.request.headers
        if not self._aliases.isdisjoint(headers.index):
            for alias in self._aliases:
                headers.discard(alias)
        if principal is None or principal is ANONYMOUS:
            headers.remove(self.header)
            return
        headers.put(self._field(principal, exchange))

    def _field(self, principal: Principal, exchange: Exchange) -> HeaderField:
        now = self._now()
        if self.claims or not self.cache:
            return self._made(principal, exchange, now)[1]
        api, plan = exchange.api, exchange.plan
        # Principals with claims are those of verified tokens, which are kept: one token, one object.
        named = (principal.subject, principal.scopes, principal.roles, principal.expires)
        whose = id(principal) if principal.claims else named
        application = exchange.application
        key = (whose, api.name, api.version, plan and plan.name, exchange.key_type, application and application.id)
        kept = self._tokens.get(key)
        if (
            kept is None
            or kept[2] <= now
            or (principal.claims and kept[0] is not principal)
            or (kept[3] is not application and kept[3] != application)  # somebody has changed it
        ):
            kept = self._tokens[key] = self._made(principal, exchange, now)
            if len(self._tokens) > self.cache:
                self._tokens.popitem(last=False)
        return kept[1]

    def _made(self, principal: Principal, exchange: Exchange, now: float) -> _Token:
        expires = now + self.lifetime
        if principal.expires is not None:
            expires = min(expires, max(principal.expires, now + 1))
        passed = self.excluded_claims if self.token_claims else None
        claims: dict[str, Any] = {
            "iss": self.issuer,
            **claims_of(exchange, principal, f"{self.dialect}/" if self.dialect else "", passed),
            "iat": int(now),
            "exp": int(expires),
        }
        if self.audience:
            claims["aud"] = list(self.audience)
        claims.update((name, value.render(exchange)) for name, value in self.claims.items())
        field = HeaderField(self.header, self._key.sign(claims, self.encoding))
        return principal, field, now + (expires - now) * _REUSED, exchange.application


def _aliases_of(header: str) -> frozenset[bytes]:
    """The names with underscores that a backend may take for that of the header: in CGI and its like they are one."""
    first, *others = header.split("-")
    joints = product("-_", repeat=len(others)) if len(others) <= _MOST_HYPHENS else [("_",) * len(others)]
    names = (first + "".join(map("".join, zip(joint, others, strict=True))) for joint in joints)
    return frozenset(name.encode("latin-1") for name in names if name != header)
