"""Let in applications that present one of their keys."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import (
    ApplicationKey,
    Applications,
    Authenticator,
    Clock,
    Context,
    Credential,
    Exchange,
    HeaderField,
    Principal,
    Reject,
    Secret,
    state,
)
from apim_sdk.errors import INVALID_CREDENTIALS

from apim_auth.api_key_bounds import check_bounds
from apim_auth.api_key_jwt import InvalidKey, SignedKeyIssuer, SignedKeys
from apim_auth.concealing import remove_parameter

__all__ = ["APIKey"]

_CHALLENGE: Final = 'ApiKey realm="apim"'
_REMEMBERED: Final = 10_000


@attrs.frozen
class APIKey(Authenticator):
    """Lets in applications that present one of their keys of the kind `api-key`; the endpoint does not see the key.

    An application may hold several. A key that has expired is refused like one that nobody holds; one that is used from
    an address or page that it is not for, with 403.
    """

    challenge: ClassVar[str | None] = _CHALLENGE
    example: ClassVar[Any] = {"header": "X-API-Key"}

    header: str | None = "X-API-Key"
    """Header that carries the key; `null` to look at none."""
    query: str | None = None
    """Query parameter that carries the key where the header does not; by default none, for URLs end up in logs."""
    scopes: tuple[str, ...] = ()
    """Scopes that everybody has who comes in by this plan's keys."""
    forward: bool = False
    """Whether the endpoint gets to see the key after all."""
    jwt: SignedKeyIssuer | None = None
    """Takes keys that are signed tokens too, as WSO2 API Manager made them up to 4.6. The application is the one with
    the key `client_id` that is the token's `application.uuid`."""
    _header: bytes = state()
    _applications: Applications = state()
    _clock: Clock = state()
    _principals: dict[str, Principal] = state()
    _signed: SignedKeys | None = state()

    def __attrs_post_init__(self) -> None:
        if not self.header and not self.query:
            raise ValueError("name the `header` or the `query` parameter that carries the key")
        self.hold(_header=HeaderField(self.header, "").lower_name if self.header else b"")

    async def start(self, context: Context) -> None:
        self.hold(_applications=context.applications, _clock=context.clock, _principals={})
        if self.jwt is not None:
            keys = await asyncio.to_thread(self.jwt.load)
            self.hold(_signed=SignedKeys(keys, self.jwt.leeway, frozenset(self.scopes), context))

    def recognise(self, exchange: Exchange) -> Principal | None:
        value = exchange.request.headers.combined(self._header)
        key = None if value is None else self._applications.find("api-key", value.decode("latin-1"))
        if key is None or key.expires is not None or key.addresses or key.referers:
            return None
        return self._principal(key)

    def find(self, exchange: Exchange) -> Credential | None:
        request = exchange.request
        value = None
        if self.header:
            # What comes twice is a list, the key of nobody.
            value = (request.headers.combined(self._header) or b"").decode("latin-1") or None
        if value is None and self.query and request.query_string:
            value = ", ".join(request.query.get(self.query, ())) or None
        return None if value is None else Credential("api-key", Secret(value))

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        value = credential.value.reveal()
        key = self._applications.find("api-key", value)
        if key is None:
            if self._signed is not None and value.count(".") == 2:
                return self._judge_signed(self._signed, value, exchange)
            raise _refusal("nobody holds the key")
        if key.expires is not None and key.expires <= self._clock.now():
            raise _refusal(f"the key {key.id} has expired")
        if key.addresses or key.referers:
            check_bounds(exchange, key.addresses, key.referers)
        return self._principal(key)

    def _principal(self, key: ApplicationKey) -> Principal:
        """Whom the key belongs to: made once for all calls with it, since making one is most of the work."""
        known = self._principals.get(key.id)
        if (
            known is None
            or known.application is not key.application
            or known.expires != key.expires
            or known.key_type != key.key_type
        ):
            if len(self._principals) >= _REMEMBERED:
                self._principals.clear()
            application = key.application
            scopes = frozenset(self.scopes)
            known = Principal(
                application.name, scopes, application=application, expires=key.expires, key_type=key.key_type
            )
            self._principals[key.id] = known
        return known

    def _judge_signed(self, keys: SignedKeys, value: str, exchange: Exchange) -> Principal:
        try:
            key = keys.verify(value)
        except InvalidKey as error:
            raise _refusal(str(error)) from error
        return key.admit(exchange)

    def conceal(self, exchange: Exchange) -> None:
        if self.forward:
            return
        request = exchange.request
        request.headers.discard(self._header)
        if self.query and request.query_string:
            remove_parameter(request, self.query)


def _refusal(detail: str) -> Reject:
    return Reject(INVALID_CREDENTIALS, headers={"WWW-Authenticate": _CHALLENGE}, detail=detail)
