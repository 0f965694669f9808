"""Authenticators: they find a credential, and judge it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.identity import Credential, Principal

__all__ = ["Authenticator"]


class Authenticator(Plugin):
    """An authentication method of a plan.

    Finding is apart from judging so that a plan can be chosen by what a client presents, without running every
    method. Both are called for every request that is not recognised: ``judge`` is a plain ``def`` unless it does I/O,
    and a plain one may answer an awaitable where it only sometimes does.
    """

    kind: ClassVar[str] = "authenticator"
    requires_subscription: ClassVar[bool] = True
    """Whether a plan of this method admits only subscribed applications, unless the plan says otherwise."""
    anonymous: ClassVar[bool] = False
    """Whether it lets in whoever presents nothing; a plan of it is no refuge for a credential that was refused."""
    challenge: ClassVar[str | None] = None
    """The ``WWW-Authenticate`` challenge of a 401 (RFC 9110, section 11.6.1), such as ``Bearer realm="apim"``."""

    def recognise(self, exchange: Exchange) -> Principal | None:
        """Who is known to have presented the request's credential, if ``find`` and ``judge`` would say the same now.

        The quick way for those that remember what they judged, asked before them; None where it takes a closer look.
        It never refuses, and does no I/O. A subclass that defines ``find`` or ``judge`` anew is not asked this unless
        it defines it as well.
        """
        return None

    def find(self, exchange: Exchange) -> Credential | None:
        """The credential, if the request carries one of this method; it is not judged here. No I/O."""
        raise NotImplementedError(f"{type(self).__name__} must define find()")

    def judge(self, credential: Credential, exchange: Exchange) -> Principal | Awaitable[Principal]:
        """Who the credential belongs to.

        Raises Reject with INVALID_CREDENTIALS when it is no good, and PLAN_RESOLUTION_FAILURE when that cannot be
        told now: a technical failure is a 503, not a 401.
        """
        raise NotImplementedError(f"{type(self).__name__} must define judge()")

    def conceal(self, exchange: Exchange) -> None:
        """Take the credential out of the request before it goes to the endpoint."""

    @hookimpl
    @classmethod
    def apim_register_authenticator(cls) -> type[Authenticator]:
        """Register the class itself."""
        return cls
