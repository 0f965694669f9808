"""Purges, told to this process by the management port and by others through a store."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import aclosing
from hashlib import blake2b
from typing import Any, Final, cast

from apim_sdk import Batch, Context, Store

from apim_traffic.cache.marks import Marks, api_subject, tag_subject, url_subject

__all__ = ["KEPT_FOR", "Purges", "subject_of"]

_PREFIX: Final = "cache-purges/"
KEPT_FOR: Final = 30 * 86400.0
"""Seconds for which a store remembers a purge: no answer is kept for longer."""
_AGAIN: Final = 1.0
"""Seconds until a store that is away is followed anew."""
_MEMBERS: Final = ("api", "version", "url", "tag")


def subject_of(arguments: Mapping[str, Any]) -> str:
    """What is to be purged. Raises ValueError where that is not clear."""
    unknown = [name for name in arguments if name not in _MEMBERS]
    if unknown:
        raise ValueError(f"a purge has no member {unknown[0]!r}: there are {', '.join(_MEMBERS)}")
    if any(not isinstance(value, str) or not value for value in arguments.values()):
        raise ValueError("each member of a purge is a text that is not empty")
    given = [name for name in ("api", "url", "tag") if name in arguments]
    if len(given) != 1:
        raise ValueError("a purge names one of: api (with version, or without for all), url, tag")
    if "version" in arguments and given != ["api"]:
        raise ValueError("a version belongs to an api")
    if given == ["api"]:
        return api_subject(arguments["api"], arguments.get("version"))
    if given == ["tag"]:
        return tag_subject(arguments["tag"])
    if not arguments["url"].startswith("/"):
        raise ValueError("url is a path, as clients send it, with or without a query: /orders/1.0/items?page=2")
    return url_subject(arguments["url"])


class Purges:
    """The purges that the steps of one process know of which share a store, or of one step that has none.

    It outlasts snapshots. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.marks = Marks()
        self._following: set[int] = set()
        self._subjects: dict[str, str] = {}

    async def _purge(self, arguments: Mapping[str, Any], store: Store | None) -> None:
        """Purge here, and everywhere by the store. Raises ValueError, OSError."""
        subject = subject_of(arguments)
        mark = secrets.token_hex(8)
        self.marks.set(subject, mark)
        if store is not None:
            value = json.dumps([subject, mark]).encode()
            await store.put(_key(subject), value, KEPT_FOR)

    def start(self, store: Store | None, context: Context) -> None:
        """Offer to purge, and learn of purges through the store, until the snapshot of the context ends; once for all
        steps that share a store."""
        if store is not None:
            if id(store) in self._following:
                return
            self._following.add(id(store))
            context.spawn(self._follow(store, context), "follow purges")
        context.offer("purge", lambda arguments: self._purge(arguments, store))

    async def _follow(self, store: Store, context: Context) -> None:
        try:
            while True:
                try:
                    await self._follow_once(store)
                except OSError as error:
                    context.log.warning("purges are not heard of: their store is away", error=str(error))
                    await asyncio.sleep(_AGAIN)
        finally:
            self._following.discard(id(store))

    async def _follow_once(self, store: Store) -> None:
        known: dict[str, str] | None = None
        async with aclosing(cast(Any, store.follow(_PREFIX))) as batches:
            async for batch in batches:
                if batch.first:
                    known = {}
                if known is None:
                    self._apply(batch)
                    continue
                known.update(self._read(batch))
                if batch.complete:
                    self.marks.replace(known)
                    known = None

    def _read(self, batch: Batch) -> dict[str, str]:
        """Subjects and marks of a batch; what cannot be read is nobody's purge."""
        found: dict[str, str] = {}
        for change in batch.changes:
            if change.value is not None:
                try:
                    subject, mark = map(str, json.loads(change.value))
                except ValueError:
                    continue
                self._subjects[change.key] = subject
                found[subject] = mark
        return found

    def _apply(self, batch: Batch) -> None:
        for subject, mark in self._read(batch).items():
            self.marks.set(subject, mark)
        for change in batch.changes:
            if change.value is None:
                gone = self._subjects.pop(change.key, None)
                if gone is not None:
                    self.marks.forget(gone)


def _key(subject: str) -> str:
    return _PREFIX + blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
