"""Let in whoever knows the shared token."""

from __future__ import annotations

import hmac
from typing import Any, ClassVar

import attrs
from apim_sdk import Authenticator, Credential, Exchange, Principal, Reject, Secret, Status
from apim_sdk.errors import INVALID_CREDENTIALS

__all__ = ["MyPlugin"]


@attrs.frozen
class MyPlugin(Authenticator):
    """Lets in whoever sends the shared token in a header, and takes the header out of the request."""

    status = Status.EXPERIMENTAL
    requires_subscription = False
    example: ClassVar[Any] = {"token": "${env:PARTNER_TOKEN}", "subject": "partner"}

    token: Secret
    """The token that callers must know."""
    subject: str
    """Who whoever knows it is."""
    header: str = "X-Partner-Token"
    """Header that carries the token."""

    def find(self, exchange: Exchange) -> Credential | None:
        value = exchange.request.headers.get(self.header)
        return None if value is None else Credential("shared-token", Secret(value))

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        presented, expected = (secret.reveal().encode() for secret in (credential.value, self.token))
        if not hmac.compare_digest(presented, expected):
            raise Reject(INVALID_CREDENTIALS)
        return Principal(self.subject)

    def conceal(self, exchange: Exchange) -> None:
        exchange.request.headers.remove(self.header)
