"""Let in applications that present one of their keys."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from apim_sdk import (
    Applications,
    Authenticator,
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

from apim_auth.concealing import remove_parameter

__all__ = ["APIKey"]


@attrs.frozen
class APIKey(Authenticator):
    """Lets in applications that present one of their keys of the kind `api-key`; the endpoint does not see the key."""

    challenge: ClassVar[str] = 'ApiKey realm="apim"'
    example: ClassVar[Any] = {"header": "X-API-Key"}

    header: str | None = "X-API-Key"
    """Header that carries the key; `null` to look at none."""
    query: str | None = None
    """Query parameter that carries the key where the header does not; by default none, for URLs end up in logs."""
    forward: bool = False
    """Whether the endpoint gets to see the key after all."""
    _header: bytes = state()
    _applications: Applications = state()

    def __attrs_post_init__(self) -> None:
        if not self.header and not self.query:
            raise ValueError("name the `header` or the `query` parameter that carries the key")
        self.hold(_header=HeaderField(self.header, "").lower_name if self.header else b"")

    async def start(self, context: Context) -> None:
        self.hold(_applications=context.applications)

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
        key = self._applications.find("api-key", credential.value.reveal())
        if key is None:
            raise Reject(INVALID_CREDENTIALS, headers={"WWW-Authenticate": self.challenge})
        return Principal(key.application.name, application=key.application, key_type=key.key_type)

    def conceal(self, exchange: Exchange) -> None:
        if self.forward:
            return
        request = exchange.request
        if self.header:
            request.headers.remove(self.header)
        if self.query and request.query_string:
            remove_parameter(request, self.query)
