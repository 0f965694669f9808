"""Let everybody in, without a credential."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import attrs
from apim_sdk import ANONYMOUS, Authenticator, Credential, Exchange, Principal, Secret, Status

__all__ = ["Keyless"]

_NOTHING: Final = Credential("keyless", Secret(""))


@attrs.frozen
class Keyless(Authenticator):
    """Lets everybody in as the principal ``anonymous``, without an application.

    A keyless plan stands last: it serves those in whose request no plan before it found a credential, so that a wrong
    key never becomes public access.
    """

    status = Status.STABLE
    requires_subscription = False
    anonymous = True
    example: ClassVar[Any] = {}

    def recognise(self, exchange: Exchange) -> Principal:
        return ANONYMOUS

    def find(self, exchange: Exchange) -> Credential:
        return _NOTHING

    def judge(self, credential: Credential, exchange: Exchange) -> Principal:
        return ANONYMOUS
