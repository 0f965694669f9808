"""Who may call, as one snapshot sees it: what its configuration writes, and behind that what a store holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from apim_sdk.identity import Application, ApplicationKey, Subscription

from apim_core.access.digests import IDENTIFIERS, digest_of_key
from apim_core.access.stored import Generation, Stored
from apim_core.access.subscriptions import Entry, PartKey, PlanSubscriptions, entry_of
from apim_core.access.written import application_of, key_of, subscriptions_of
from apim_core.config import model as config

__all__ = ["Directory"]


class Directory:
    """Applications by key, and subscriptions by plan. Secret keys are held as SHA-256 hashes and looked up by hash.

    ``bind`` lets it look into what is stored, too. What the configuration writes goes before that: its applications
    and subscriptions by their ids, its keys by themselves. What was found stays true, but for dates, while the number
    of ``generation`` stays.
    """

    def __init__(self, written: Iterable[config.Application] = (), now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.generation = Generation()
        self._applications: dict[str, Application] = {}
        self._identified: dict[tuple[str, str, str | None], ApplicationKey] = {}
        self._hashed: dict[str, ApplicationKey] = {}
        self._subscribers: dict[PartKey, dict[str, list[Subscription]]] = {}
        self._subscriptions: set[str] = set()
        self._plans: dict[tuple[str, str, str], PlanSubscriptions] = {}
        self._stored: Stored | None = None
        for each in written:
            self._take(each)

    def _take(self, written: config.Application) -> None:
        application = application_of(written)
        self._applications[application.id] = application
        for key in written.keys:
            value, made = key.value.reveal(), key_of(application, key)
            if key.kind in IDENTIFIERS:
                self._identified[key.kind, value, key.key_manager] = made
            else:
                self._hashed[digest_of_key(key.kind, value)] = made
        for subscription, source in zip(subscriptions_of(written), written.subscriptions, strict=True):
            part = self._subscribers.setdefault((source.api, source.version, source.plan), {})
            part.setdefault(application.id, []).append(subscription)
            self._subscriptions.add(subscription.id)

    def find(self, kind: str, value: str, key_manager: str | None = None) -> ApplicationKey | None:
        """The key that an application holds; None if nobody does."""
        if kind in IDENTIFIERS:
            key = self._identified.get((kind, value, key_manager)) or self._identified.get((kind, value, None))
            if key is None and self._stored is not None:
                key = self._stored.keys.identified(kind, value, key_manager, self.application)
            return key
        digest = digest_of_key(kind, value)
        key = self._hashed.get(digest)
        if key is None and self._stored is not None:
            key = self._stored.keys.hashed(kind, digest, self.application)
        return key

    def application(self, id_: str) -> Application | None:
        """The application of an id, if there is one."""
        found = self._applications.get(id_)
        if found is None and self._stored is not None:
            found = self._stored.applications.get(id_)
        return found

    def plan(self, api: str, version: str, plan: str) -> PlanSubscriptions:
        """The subscriptions to a plan."""
        made = self._plans.get((api, version, plan))
        if made is None:
            made = PlanSubscriptions(self._entries(api, version, plan), self._subscriptions, self._now)
            self._plans[api, version, plan] = made
        return made

    def _entries(self, api: str, version: str, plan: str) -> Mapping[str, Entry]:
        held: dict[str, list[Subscription]] = {}
        for which in (version, None):
            for application, subscriptions in self._subscribers.get((api, which, plan), {}).items():
                held.setdefault(application, []).extend(subscriptions)
        return {application: entry_of(subscriptions) for application, subscriptions in held.items()}

    def bind(self, stored: Stored) -> None:
        """Look into what is stored, from now on."""
        self._stored = stored
        self.generation = stored.generation
        keys = {key.id for key in (*self._identified.values(), *self._hashed.values())}
        stored.reserve({"application": self._applications.keys(), "key": keys, "subscription": self._subscriptions})
        for (api, version, plan), made in self._plans.items():
            made.bind(stored.subscriptions.part(api, version, plan), stored.subscriptions.part(api, None, plan))
