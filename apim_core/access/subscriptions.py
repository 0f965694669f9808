"""Whether an application may use a plan of an API: subscriptions, with their states, dates and key types.

    active                       lets in
    blocked                      900907; production-blocked for production keys only
    pending, paused, not yet     900909
    begun, ended
    rejected, closed, none       900908

A look-up costs the same however many there are. A subscription that is active, for any key and without dates is found
as itself; every other one in a tuple with those beside it, to be judged when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Final

import attrs
from apim_sdk import errors
from apim_sdk.errors import ErrorKind
from apim_sdk.identity import KeyType, Subscription

__all__ = ["Entry", "PlanSubscriptions", "StoredSubscription", "StoredSubscriptions", "best_of", "entry_of"]

Entry = Subscription | tuple[Subscription, ...]
"""One application's subscriptions to one plan."""

_REFUSALS: Final = (errors.SUBSCRIPTION_BLOCKED, errors.SUBSCRIPTION_INACTIVE, errors.NOT_SUBSCRIBED)
"""Of several subscriptions that do not let in, the one that refuses most plainly is told."""


@attrs.frozen
class StoredSubscription(Subscription):
    """A subscription as a store has it: also whose it is, and of which version of the API."""

    application: str = ""
    """The application's id."""
    version: str | None = None
    """Version of the API; None for every one that has the plan."""

    def moving(self, plan: str, moment: float) -> tuple[StoredSubscription, StoredSubscription]:
        """As it is until ``moment``, in seconds since the epoch, and as it is from then on, in another plan."""
        ends = moment if self.ends is None else min(self.ends, moment)
        starts = moment if self.starts is None else max(self.starts, moment)
        return attrs.evolve(self, ends=ends), attrs.evolve(self, plan=plan, starts=starts)


def entry_of(subscriptions: Iterable[Subscription]) -> Entry:
    """What a look-up finds."""
    held = tuple(subscriptions)
    return held[0] if len(held) == 1 and _is_open(held[0]) else held


def _is_open(subscription: Subscription) -> bool:
    return (
        subscription.state == "active"
        and subscription.key_type is None
        and subscription.starts is None
        and subscription.ends is None
    )


Part = dict[str, Entry]
"""Entries by the application's id."""

PartKey = tuple[str, str | None, str]
"""API, version (None for every one) and plan."""


class PlanSubscriptions:
    """The subscriptions to one plan of one version of an API, as one snapshot sees them.

    ``written`` are those of the configuration. What is written of an application for this plan stands alone; else what
    is stored counts, but for entries whose id is ``reserved``, for the configuration has given it away.
    """

    __slots__ = ("_every_version", "_own_version", "_reserved", "_written", "now")

    def __init__(self, written: Mapping[str, Entry], reserved: Set[str], now: Callable[[], float]) -> None:
        self._written = written or None
        self._reserved = reserved
        self._own_version: Part = {}
        self._every_version: Part = {}
        self.now = now

    def bind(self, own_version: Part, every_version: Part) -> None:
        """Look into these, too, from now on."""
        self._own_version = own_version
        self._every_version = every_version

    def find(self, application: str, key_type: KeyType | None = None) -> Subscription | ErrorKind:
        """The subscription that lets an application (its id) in with such a key (none told: production), or why none
        does."""
        held = self.held(application)
        return held if isinstance(held, Subscription) else best_of(held, key_type, self.now())

    def held(self, application: str) -> Entry:
        """What an application (its id) has: one subscription that lets it in until something changes, or those that
        have to be judged, by ``best_of``, each time."""
        entry = None if self._written is None else self._written.get(application)
        if entry is not None:
            return entry
        held: tuple[Subscription, ...] = ()
        reserved = self._reserved
        for part in (self._every_version, self._own_version):
            entry = part.get(application) if part else None
            if entry is None:
                continue
            if isinstance(entry, tuple):
                held += tuple(each for each in entry if each.id not in reserved)
            elif not reserved or entry.id not in reserved:
                return entry
        return held


def best_of(held: tuple[Subscription, ...], key_type: KeyType | None, now: float) -> Subscription | ErrorKind:
    """Of several subscriptions the first that lets such a key in (none told: production) now, or why none does."""
    if not held:
        return errors.NOT_SUBSCRIBED
    refusals = set()
    for subscription in held:
        refusal = _refusal(subscription, key_type or "production", now)
        if refusal is None:
            return subscription
        refusals.add(refusal)
    return next(refusal for refusal in _REFUSALS if refusal in refusals)


def _refusal(subscription: Subscription, key_type: KeyType, now: float) -> ErrorKind | None:
    """Why a subscription does not let in; None if it does."""
    state = subscription.state
    if state in ("rejected", "closed") or subscription.key_type not in (None, key_type):
        return errors.NOT_SUBSCRIBED
    if state == "blocked" or (state == "production-blocked" and key_type == "production"):
        return errors.SUBSCRIPTION_BLOCKED
    begun = subscription.starts is None or subscription.starts <= now
    if state in ("pending", "paused") or not begun or (subscription.ends is not None and subscription.ends <= now):
        return errors.SUBSCRIPTION_INACTIVE
    return None


class StoredSubscriptions:
    """Subscriptions that come and go, by plan and application. Belongs to the event loop that serves.

    A change puts one new entry into the part of its plan; parts themselves stay, for plans hold them.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, StoredSubscription | tuple[StoredSubscription, ...]] = {}
        self._parts: dict[PartKey, Part] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._by_id

    def ids(self) -> Iterable[str]:
        """Of all that there are."""
        return self._by_id.keys()

    def part(self, api: str, version: str | None, plan: str) -> Part:
        """The entries of a plan; the same object for good."""
        return self._parts.setdefault((api, version, plan), {})

    def put(self, subscription: StoredSubscription, *later: StoredSubscription) -> None:
        """Take a subscription in, and what becomes of it ``later``, in place of the one of the same id."""
        known = self._by_id.get(subscription.id)
        new = (subscription, *later) if later else subscription
        if known is not None:
            if known == new:
                return
            self.remove(subscription.id)
        self._by_id[subscription.id] = new
        for each in (subscription, *later):
            part = self.part(each.api, each.version, each.plan)
            there = part.get(each.application)
            others = () if there is None else there if isinstance(there, tuple) else (there,)
            part[each.application] = entry_of((*others, each))

    def remove(self, id_: str) -> None:
        """Forget a subscription, if it is known."""
        known = self._by_id.pop(id_, ())
        for each in known if isinstance(known, tuple) else (known,):
            self._take_out(each)

    def _take_out(self, known: StoredSubscription) -> None:
        part = self.part(known.api, known.version, known.plan)
        there = part[known.application]
        left = tuple(each for each in there if each is not known) if isinstance(there, tuple) else ()
        if left:
            part[known.application] = entry_of(left)
        else:
            del part[known.application]
