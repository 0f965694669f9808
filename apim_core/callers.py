"""Callers: the application that a principal speaks for, and the subscription by which a plan lets it in.

What was found is remembered until anything changes in the directory, but for what time alone can change: keys that
expire, and subscriptions with dates. So nearly every request finds its caller by one look into a small table.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from types import MappingProxyType
from typing import Final

from apim_sdk import errors
from apim_sdk.errors import ErrorKind, Reject
from apim_sdk.identity import Application, KeyType, Principal, Subscription

from apim_core.access.directory import Directory
from apim_core.access.subscriptions import PlanSubscriptions, best_of

__all__ = ["Caller", "Callers"]

_REMEMBERED: Final = 1_000
"""Callers of one plan; when there are more, all are looked up anew."""
_NO_KEYS: Final[Mapping[KeyType, ErrorKind]] = MappingProxyType({})
_NO_CHALLENGE: Final[Mapping[str, str]] = MappingProxyType({})


class Caller:
    """Whom a plan lets in, and the principal's words that this was found by."""

    __slots__ = ("application", "key_manager", "key_type", "said_application", "said_key_type", "subscription")

    def __init__(
        self,
        principal: Principal,
        application: Application | None,
        key_type: KeyType | None,
        subscription: Subscription | None,
    ) -> None:
        self.application = application
        self.key_type = key_type
        self.subscription = subscription
        self.said_application = principal.application
        self.said_key_type = principal.key_type
        self.key_manager = principal.key_manager


class Callers:
    """Those that one plan lets in. Belongs to the event loop that serves.

    ``subscriptions`` are those to this plan of this API; they change while the plan stays. ``refused_keys`` has why
    keys of a kind are not taken here, ``challenge`` what a refusal asks for.
    """

    __slots__ = (
        "_challenge",
        "_directory",
        "_generation",
        "_known",
        "_refused_keys",
        "_requires_subscription",
        "_subscriptions",
    )

    def __init__(
        self,
        directory: Directory,
        subscriptions: PlanSubscriptions,
        *,
        requires_subscription: bool,
        refused_keys: Mapping[KeyType, ErrorKind] = _NO_KEYS,
        challenge: str | None = None,
    ) -> None:
        self._directory = directory
        self._subscriptions = subscriptions
        self._requires_subscription = requires_subscription
        self._refused_keys = refused_keys
        self._challenge = _NO_CHALLENGE if challenge is None else {"WWW-Authenticate": challenge}
        self._known: dict[str | None, Caller] = {}
        self._generation = -1

    def find(self, principal: Principal) -> Caller:
        """Who a principal is to the gateway. Raises Reject where the plan does not let it in."""
        named = principal.application
        known = self._known.get(principal.client_id if named is None else named.id)
        if (
            known is not None
            and known.said_application is named
            and known.said_key_type == principal.key_type
            and known.key_manager == principal.key_manager
            and self._generation == self._directory.generation.number
        ):
            return known
        return self._look_up(principal)

    def _look_up(self, principal: Principal) -> Caller:
        application, key_type, lasting = self._application_of(principal)
        if self._refused_keys and (key_type or application):
            refused = self._refused_keys.get(key_type or "production")
            if refused is not None:
                raise Reject(refused)
        if application is None:
            if self._requires_subscription:
                raise Reject(errors.NOT_SUBSCRIBED, headers=self._challenge)
            caller = Caller(principal, None, key_type, None)
            if lasting:
                self._remember(principal, caller)
            return caller
        if application.blocked:
            raise Reject(errors.SUBSCRIPTION_BLOCKED, "The application is blocked", headers=self._challenge)
        held = self._subscriptions.held(application.id)
        found = held if isinstance(held, Subscription) else best_of(held, key_type, self._subscriptions.now())
        if isinstance(found, ErrorKind) and self._requires_subscription:
            raise Reject(found, headers=self._challenge)
        caller = Caller(principal, application, key_type, None if isinstance(found, ErrorKind) else found)
        if lasting and found is held:
            self._remember(principal, caller)
        return caller

    def _application_of(self, principal: Principal) -> tuple[Application | None, KeyType | None, bool]:
        """The application that the principal speaks for, and for which world; a key that is over is nobody's.

        Last, whether that stays so until the directory changes.
        """
        application, key_type = principal.application, principal.key_type
        if application is not None or principal.client_id is None:
            return application, key_type, True
        key = self._directory.find("client_id", principal.client_id, principal.key_manager)
        if key is None or (key.expires is not None and key.expires <= time()):
            return None, key_type, False
        return key.application, key_type or key.key_type, key.expires is None

    def _remember(self, principal: Principal, caller: Caller) -> None:
        generation = self._directory.generation.number
        if self._generation != generation or len(self._known) >= _REMEMBERED:
            self._known.clear()
            self._generation = generation
        named = principal.application
        self._known[principal.client_id if named is None else named.id] = caller
