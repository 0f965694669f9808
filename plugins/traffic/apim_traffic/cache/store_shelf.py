"""Answers in a store, for all processes and nodes that use it.

    cache/STEP/u/URL    the generation of a URL: whoever changes the URL writes another one, which voids its answers
    cache/STEP/a/KEY    an answer; or, where answers vary, by which headers
    cache/STEP/v/KEY    an answer that varies, by its key and the values of those headers

URL and KEY are digests of 160 bits; an answer names its generation and what it was selected by. A look-up asks for the
first two at once.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from apim_sdk import API, Clock, Headers, Logger, Store

from apim_traffic.cache.encoding import decode, encode
from apim_traffic.cache.entry import Entry
from apim_traffic.cache.keys import Key, url_of
from apim_traffic.cache.marks import Marks
from apim_traffic.cache.shelf import Found, Lookup, is_good
from apim_traffic.cache.varying import Selecting, matches, select

__all__ = ["StoreShelf"]

_ANSWER: Final = b"A"
_VARIES: Final = b"V"
_MOST_PENDING: Final = 256
"""Most answers that are on their way to the store; more are not kept."""
_MOST_KINDS: Final = 8
"""Most sets of headers by which the answers of a key vary."""
_CHANGED_FOR: Final = 600.0
"""Seconds for which a URL is known to have been changed: no answer is under way for longer."""
_REST: Final = 1.0
"""Seconds for which a store that failed is not asked."""


class StoreShelf:
    """The answers of one step. A store that is away has none, and keeps none; ``failed`` counts how often."""

    def __init__(
        self,
        store: Store,
        step: str,
        patience: float,
        marks: Marks,
        clock: Clock,
        log: Logger,
        failed: Callable[[], None],
    ) -> None:
        self._store = store
        self._prefix = f"cache/{step}"
        self._patience = patience
        self._marks = marks
        self._clock = clock
        self._log = log
        self._failed = failed
        self._pending = 0
        self._resting_until = 0.0

    async def find(self, key: Key, headers: Headers, api: API) -> Found:
        """The answer that agrees with the request's headers, and the generation of its URL."""
        if self._clock.monotonic() < self._resting_until:
            return Found(None, None)
        try:
            async with asyncio.timeout(self._patience):
                generation, value = await asyncio.gather(
                    self._store.get(self._name("u", url_of(key))), self._store.get(self._name("a", key))
                )
                if value is not None and value[:1] == _VARIES:
                    value = await self._variant(key, value, headers)
        except OSError as error:
            self._away(error)
            return Found(None, None)
        observed = "" if generation is None else generation.decode("latin-1")
        return Found(self._entry(value, observed, key, headers, api), observed)

    async def _variant(self, key: Key, kinds: bytes, headers: Headers) -> bytes | None:
        for names in _read_kinds(kinds):
            value = await self._store.get(self._name("v", (key, select(names, headers))))
            if value is not None:
                return value
        return None

    def _entry(self, value: bytes | None, generation: str, key: Key, headers: Headers, api: API) -> Entry | None:
        """The entry, if it is of this generation, for these headers, and not purged."""
        if value is None or value[:1] != _ANSWER or not generation:
            return None
        try:
            entry, its_generation = decode(value[1:])
        except ValueError as error:
            self._log.warning("an answer in the store cannot be read", error=str(error))
            return None
        good = its_generation == generation and matches(entry.selecting, headers)
        return entry if good and is_good(entry, self._marks, api, key) else None

    async def keep(self, lookup: Lookup, entry: Entry) -> bool:
        """Keep an answer; False where that cannot be, or the URL has been changed since the look-up."""
        observed = lookup.found.observed
        if observed is None or self._pending >= _MOST_PENDING:
            self._failed()
            return False
        self._pending += 1
        try:
            expires = entry.kept_until - self._clock.now()
            generation = await self._claim(lookup, observed, max(expires, _CHANGED_FOR)) if expires > 0 else None
            if generation is None:
                return False
            value = _ANSWER + encode(entry, generation)
            name = self._name("a", lookup.key)
            if entry.selecting:
                await self._store.put(self._name("v", (lookup.key, entry.selecting)), value, expires)
                return await self._add_kind(name, entry.selecting, expires)
            await self._store.put(name, value, expires)
        except OSError as error:
            self._away(error)
            return False
        finally:
            self._pending -= 1
        return True

    async def _claim(self, lookup: Lookup, observed: str, expires: float) -> str | None:
        """The generation of the URL, if it has not been changed since the look-up."""
        name = self._name("u", lookup.url)
        if observed:
            known = observed.encode("latin-1")
            return observed if await self._store.replace(name, known, known, expires) else None
        generation = secrets.token_hex(8)
        return generation if await self._store.add(name, generation.encode(), expires) else None

    async def _add_kind(self, name: str, selecting: Selecting, expires: float) -> bool:
        """Note by which headers the answers of a key vary."""
        names = tuple([each for each, _ in selecting])
        before = await self._store.get(name)
        kinds = _read_kinds(before) if before is not None and before[:1] == _VARIES else ()
        kinds = (names, *[kind for kind in kinds if kind != names])[:_MOST_KINDS]
        listed = [[each.decode("latin-1") for each in kind] for kind in kinds]
        await self._store.put(name, _VARIES + json.dumps(listed).encode(), expires)
        return True

    async def drop(self, lookup: Lookup, entry: Entry) -> None:
        """Forget the answer that was found."""
        kind, key = ("v", (lookup.key, entry.selecting)) if entry.selecting else ("a", lookup.key)
        try:
            await self._store.delete(self._name(kind, key))
        except OSError as error:
            self._away(error)

    async def invalidate(self, url: str) -> None:
        """Void all answers for a URL, and those that are under way."""
        try:
            await self._store.put(self._name("u", url), secrets.token_hex(8).encode(), _CHANGED_FOR)
        except OSError as error:
            self._away(error)

    def _name(self, kind: str, what: Any) -> str:
        digest = blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        return f"{self._prefix}/{kind}/{digest}"

    def _away(self, error: OSError) -> None:
        self._failed()
        now = self._clock.monotonic()
        if now >= self._resting_until:
            self._log.warning("the store of a cache is away: nothing is answered from it", error=str(error))
        self._resting_until = now + _REST


def _read_kinds(value: bytes) -> tuple[tuple[bytes, ...], ...]:
    """By which headers the answers of a key vary; nothing where that cannot be read."""
    try:
        return tuple([tuple([str(name).encode("latin-1") for name in kind]) for kind in json.loads(value[1:])])
    except (ValueError, TypeError):
        return ()
