"""What a store holds of access, in memory: taken in change by change, each checked before it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Final, Protocol

from apim_sdk.identity import Application, ApplicationKey
from apim_sdk.stores import Change

from apim_core.access.applications import StoredApplications, StoredKey, StoredKeys
from apim_core.access.digests import IDENTIFIERS
from apim_core.access.entries import (
    PREFIX,
    ApplicationEntry,
    BadEntry,
    KeyEntry,
    RevocationEntry,
    SubscriptionEntry,
    unpacked,
)
from apim_core.access.revocations import Revocation, Revocations, TooMany
from apim_core.access.subscriptions import StoredSubscription, StoredSubscriptions
from apim_core.access.written import seconds

__all__ = ["Generation", "Stored", "revocation_of"]

_NOBODY: Final = Application("", "")
"""Stands for the application of a key until the key is first found."""


_MOST_WORDS: Final = 50_000
_WRITTEN: Final = "the configuration writes what has this id"


class Generation:
    """Counts what changes: whoever remembers what was found keeps the number, and looks again when it is another."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class _Table(Protocol):
    def ids(self) -> Iterable[str]: ...
    def remove(self, id_: str) -> None: ...
    def __contains__(self, id_: str) -> bool: ...


class Stored:
    """Applications, keys, subscriptions and revocations of a store. Belongs to the event loop that serves.

    ``refuse`` is told of every entry that does not count: its key and why. ``generation`` counts changes of
    applications, keys and subscriptions.
    """

    def __init__(
        self,
        refuse: Callable[[str, str], None] = lambda key, reason: None,
        now: Callable[[], float] = time.time,
        most_revocations: int = 100_000,
    ) -> None:
        self.generation = Generation()
        self.applications = StoredApplications()
        self.keys = StoredKeys()
        self.subscriptions = StoredSubscriptions()
        self.revocations = Revocations(now, most_revocations)
        self._refuse = refuse
        self._tables: Mapping[str, _Table] = {
            "application": self.applications,
            "key": self.keys,
            "subscription": self.subscriptions,
            "revocation": self.revocations,
        }
        self._take: Mapping[str, Callable[[str, bytes], None]] = {
            "application": self._application,
            "key": self._key,
            "subscription": self._subscription,
            "revocation": self._revocation,
        }
        self._reserved: Mapping[str, Set[str]] = {}
        self._words: dict[str, str] = {}
        self._unseen: dict[str, set[str]] = {}

    def reserve(self, ids: Mapping[str, Set[str]]) -> None:
        """Tell of entries with these ids, by their kind, that they do not count: a configuration writes them.

        They are held all the same, behind what is written, for the next configuration may not.
        """
        self._reserved = ids
        for kind, reserved in ids.items():
            there = self._tables[kind]
            for id_ in reserved:
                if id_ in there:
                    self._refuse(f"{PREFIX}{kind}/{id_}", _WRITTEN)

    def begin(self) -> None:
        """All that there is will be told anew: what is not told until ``complete`` is gone."""
        self._unseen = {kind: set(table.ids()) for kind, table in self._tables.items()}

    def complete(self) -> None:
        """All that there is has been told since ``begin``."""
        self.generation.number += 1
        for kind, ids in self._unseen.items():
            for id_ in ids:
                self._tables[kind].remove(id_)
        self._unseen = {}

    def apply(self, change: Change) -> None:
        """Take in one change. An entry that is no good counts as absent; a revocation that was known stays."""
        self.generation.number += 1
        kind, slash, id_ = change.key.removeprefix(PREFIX).partition("/")
        table = self._tables.get(kind)
        if table is None or not slash:
            self._refuse(change.key, "no such kind of entry")
            return
        if self._unseen:
            self._unseen[kind].discard(id_)
        if change.value is None:
            table.remove(id_)
            return
        try:
            self._take[kind](id_, change.value)
        except (BadEntry, TooMany) as error:
            self._refuse(change.key, str(error))
            if kind != "revocation":
                table.remove(id_)
        else:
            if id_ in self._reserved.get(kind, ()):
                self._refuse(change.key, _WRITTEN)

    def _application(self, id_: str, value: bytes) -> None:
        entry = unpacked(value, ApplicationEntry)
        self.applications.put(Application(entry.name, id_, entry.owner, entry.tenant, entry.blocked, entry.attributes))

    def _key(self, id_: str, value: bytes) -> None:
        entry = unpacked(value, KeyEntry)
        if entry.id != id_:
            raise BadEntry("its id is not that of its key")
        key = ApplicationKey(
            _NOBODY, entry.kind, id_, entry.type, seconds(entry.expires), entry.addresses, entry.referers
        )
        if entry.kind in IDENTIFIERS:
            self.keys.put(
                StoredKey(entry.application, key, identifier=(entry.kind, entry.value or "", entry.key_manager))
            )
        else:
            self.keys.put(StoredKey(entry.application, key, digest=entry.digest))

    def _subscription(self, id_: str, value: bytes) -> None:
        entry = unpacked(value, SubscriptionEntry)
        subscription = StoredSubscription(
            self._word(entry.api),
            self._word(entry.plan),
            id_,
            entry.state,
            entry.key_type,
            seconds(entry.starts),
            seconds(entry.ends),
            application=self._owner(entry.application),
            version=None if entry.version is None else self._word(entry.version),
        )
        changes = seconds(entry.changes)
        if entry.next_plan is None or changes is None:
            self.subscriptions.put(subscription)
        else:
            self.subscriptions.put(*subscription.moving(self._word(entry.next_plan), changes))

    def _revocation(self, id_: str, value: bytes) -> None:
        entry = unpacked(value, RevocationEntry)
        if entry.id != id_:
            raise BadEntry("its id is not that of what it revokes")
        self.revocations.put(revocation_of(entry))

    def _word(self, text: str) -> str:
        """One object for each of the few names that very many subscriptions say."""
        return self._words.setdefault(text, text) if len(self._words) < _MOST_WORDS else text

    def _owner(self, id_: str) -> str:
        """The id as the application itself has it, so that it is in memory once."""
        application: Any = self.applications.get(id_)
        return id_ if application is None else application.id


def revocation_of(entry: RevocationEntry) -> Revocation:
    """The revocation of an entry."""
    return Revocation(
        entry.id, entry.kind, entry.value, entry.issuer, entry.moment.timestamp(), entry.expires.timestamp()
    )
