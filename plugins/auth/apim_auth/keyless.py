"""Let everybody in, without a credential."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Authenticator, Credential, Exchange, Principal, Secret, Status

__all__ = ["Keyless"]

_NOTHING: Final = Credential("keyless", Secret(""))
_ANYBODY: Final = Principal("anonymous")


@attrs.frozen
class Keyless(Authenticator):
    """Lets everybody in as the principal ``anonymous``, without an application.

    It finds its credential in every request, so the gateway tries a keyless plan only where no other plan of the API
    found one: a wrong key never becomes public access.
    """

    status = Status.STABLE
    requires_subscription = False
    anonymous = True
    example: ClassVar[Any] = {}

    def find(self, exchange: Exchange) -> Credential:
        return _NOTHING

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        return _ANYBODY
