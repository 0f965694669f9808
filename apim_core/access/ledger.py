"""Changing what a store holds of access: each change is one entry, written whole or not at all.

What the configuration writes is seen here, too, and cannot be changed.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

from apim_sdk.stores import Store

from apim_core.access.entries import (
    ApplicationEntry,
    BadEntry,
    KeyEntry,
    Kind,
    RevocationEntry,
    SubscriptionEntry,
    packed,
    path,
    unpacked,
)
from apim_core.access.written import application_of, key_of, subscriptions_of
from apim_core.config import Configuration
from apim_core.config import model as config

__all__ = ["Conflict", "Entry", "Ledger", "NotThere"]

Entry = ApplicationEntry | KeyEntry | SubscriptionEntry | RevocationEntry

E = TypeVar("E", ApplicationEntry, KeyEntry, SubscriptionEntry, RevocationEntry)

_KINDS: Final[Mapping[type[Any], Kind]] = {
    ApplicationEntry: "application",
    KeyEntry: "key",
    SubscriptionEntry: "subscription",
    RevocationEntry: "revocation",
}
_ATTEMPTS: Final = 10


class NotThere(LookupError):
    """There is no entry of that id."""

    def __init__(self, kind: str, id_: str) -> None:
        super().__init__(f"no {kind} has the id {id_!r}")


class Conflict(Exception):
    """What is there already does not allow the change."""


class Ledger:
    """The entries of a store, by their classes. Every method raises OSError where the store is away."""

    def __init__(self, store: Store, configuration: Configuration) -> None:
        self._store = store
        self.configuration = configuration

    @cached_property
    def applications(self) -> Mapping[str, config.Application]:
        """Those that the configuration writes, by id."""
        return {application_of(each).id: each for each in self.configuration.applications}

    @cached_property
    def subscriptions(self) -> Mapping[str, tuple[str, config.Subscription]]:
        """Those that the configuration writes, by id, with their application's."""
        return {
            made.id: (id_, written)
            for id_, application in self.applications.items()
            for made, written in zip(subscriptions_of(application), application.subscriptions, strict=True)
        }

    @cached_property
    def keys(self) -> Mapping[str, tuple[str, config.ApplicationKey]]:
        """Those that the configuration writes, by id, with their application's."""
        return {
            key_of(application_of(application), key).id: (id_, key)
            for id_, application in self.applications.items()
            for key in application.keys
        }

    def is_written(self, cls: type[Entry], id_: str) -> bool:
        """Whether the configuration writes what has this id."""
        by_class: Mapping[type[Any], Mapping[str, Any]] = {
            ApplicationEntry: self.applications,
            KeyEntry: self.keys,
            SubscriptionEntry: self.subscriptions,
        }
        return id_ in by_class.get(cls, {})

    async def has_application(self, id_: str) -> bool:
        """Whether there is such an application, written or stored."""
        return id_ in self.applications or await self.find(ApplicationEntry, id_) is not None

    async def find(self, cls: type[E], id_: str) -> E | None:
        """The stored entry of an id, if there is a good one."""
        value = await self._store.get(path(_KINDS[cls], id_))
        try:
            return None if value is None else unpacked(value, cls)
        except BadEntry:
            return None

    async def get(self, cls: type[E], id_: str) -> E:
        """The stored entry of an id. Raises NotThere, and Conflict where the configuration writes it."""
        self._check(cls, id_)
        found = await self.find(cls, id_)
        if found is None:
            raise NotThere(_KINDS[cls], id_)
        return found

    async def add(self, id_: str, entry: Entry, expires_in: float | None = None) -> None:
        """Add an entry. Raises Conflict where there is one of that id."""
        kind = _KINDS[type(entry)]
        self._check(type(entry), id_)
        if not await self._store.add(path(kind, id_), packed(entry), expires_in):
            raise Conflict(f"this {kind} is there already, with the id {id_!r}")

    async def put(self, id_: str, entry: Entry, expires_in: float | None = None) -> None:
        """Add an entry, or replace the one of that id."""
        await self._store.put(path(_KINDS[type(entry)], id_), packed(entry), expires_in)

    async def change(
        self,
        cls: type[E],
        id_: str,
        change: Callable[[E], E],
        expires_in: Callable[[E], float | None] = lambda entry: None,
    ) -> E:
        """Replace an entry by what ``change`` makes of it as it is then. Raises NotThere and Conflict."""
        self._check(cls, id_)
        key = path(_KINDS[cls], id_)
        for _ in range(_ATTEMPTS):
            old = await self._store.get(key)
            if old is None:
                raise NotThere(_KINDS[cls], id_)
            try:
                changed = change(unpacked(old, cls))
            except BadEntry as error:
                raise Conflict(f"what the store holds is no good: {error}") from error
            if await self._store.replace(key, old, packed(changed), expires_in(changed)):
                return changed
        raise Conflict("others keep changing it; try again")

    async def delete(self, cls: type[Entry], id_: str) -> None:
        """Remove an entry. Raises NotThere, and Conflict where the configuration writes it."""
        self._check(cls, id_)
        if await self._store.take(path(_KINDS[cls], id_)) is None:
            raise NotThere(_KINDS[cls], id_)

    async def delete_application(self, id_: str) -> None:
        """Remove an application, and then its keys and subscriptions, which are good for nothing without it.

        Raises NotThere where nothing of it is there, and Conflict where the configuration writes it.
        """
        self._check(ApplicationEntry, id_)
        found = await self._store.take(path("application", id_)) is not None
        keys = [path("key", key) async for key, entry in self.all(KeyEntry) if entry.application == id_]
        subscriptions = [
            path("subscription", key) async for key, entry in self.all(SubscriptionEntry) if entry.application == id_
        ]
        for left in (*keys, *subscriptions):
            found = True
            await self._store.delete(left)
        if not found:
            raise NotThere("application", id_)

    async def all(self, cls: type[E]) -> AsyncIterator[tuple[str, E]]:
        """Every good entry with its id, in no order."""
        prefix = path(_KINDS[cls], "")
        async for key, value in self._store.scan(prefix):
            try:
                yield key.removeprefix(prefix), unpacked(value, cls)
            except BadEntry:
                continue

    async def page(self, cls: type[E], keep: Callable[[E], bool], after: str, limit: int) -> list[tuple[str, E]]:
        """At most ``limit`` entries in the order of their ids, from behind ``after``; the whole store is read."""
        found: list[tuple[str, E]] = []
        async for id_, entry in self.all(cls):
            if id_ > after and keep(entry) and not self.is_written(cls, id_):
                found.append((id_, entry))
                if len(found) > 4 * limit:  # the store may be large, what is held of it is not
                    found = _first(limit, found)
        return _first(limit, found)

    def _check(self, cls: type[Entry], id_: str) -> None:
        if self.is_written(cls, id_):
            raise Conflict(f"the {_KINDS[cls]} {id_!r} is written in the configuration: change it there")


def _first(limit: int, found: list[tuple[str, E]]) -> list[tuple[str, E]]:
    return heapq.nsmallest(limit, found, key=lambda each: each[0])
