"""The public keys of an authorization server, kept fresh.

Keys are fetched again in the background, and at once when a token names a ``kid`` that is not known. Strangers choose
what ``kid`` a token names, so that is bounded: one fetch at a time, whose outcome all who wait share; a bucket of
tokens for fetches; and a memory of what was asked for in vain. If a fetch fails, the last good keys stay.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import attrs
from apim_sdk import Clock, Logger

from apim_keymanagers.answers import parse_object

__all__ = ["Key", "KeySet", "Keys", "Loaded", "keys_of"]

Key = Mapping[str, Any]
Keys = tuple[Key, ...]

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members that only the owner of a key may know (RFC 7518, section 6)."""
_TYPES: Final = ("RSA", "EC", "OKP")

_FETCHES: Final = 5
"""How many fetches for unknown keys may come at once,"""
_FETCH_EVERY: Final = 30.0
"""and after how many seconds there may be one more."""
_IN_VAIN: Final = 60.0
"""For how many seconds a key that was fetched in vain is not asked for again."""
_MOST_IN_VAIN: Final = 1000
"""How many such keys are remembered."""
_RETRY: Final = 5.0
"""After how many seconds a failed refresh is first tried again."""
_MOST_DOUBLINGS: Final = 20
"""How often the time until the next try is doubled, while it is not as long as that between two refreshes."""
_SOONEST: Final = 60.0
"""However short the server says that its keys are good, in seconds, they are kept this long,"""
_LATEST: Final = 3600.0
"""and however long, no longer than this: a key that was taken back must not go on being believed."""
_MOST_KEYS: Final = 256
"""How many keys a set may have: a token that names none is held against all of them."""


def keys_of(document: bytes) -> Keys:
    """The public signature keys in a JWK Set (RFC 7517, section 5). Raises ValueError if it is none, or has none."""
    try:
        listed = parse_object(document).get("keys")
    except ValueError as error:
        raise ValueError(f"it is no JWK Set: {error}") from error
    if not isinstance(listed, list):
        raise ValueError("it is no JWK Set: a JSON object with a list `keys`")  # noqa: TRY004  # of a document
    if len(listed) > _MOST_KEYS:
        raise ValueError(f"it has {len(listed)} keys, over {_MOST_KEYS}")
    keys = tuple(
        {name: value for name, value in key.items() if name not in _PRIVATE}
        for key in listed
        if isinstance(key, dict)
        and key.get("kty") in _TYPES
        and key.get("use", "sig") == "sig"
        and isinstance(key.get("kid"), str | None)
    )
    if not keys:
        raise ValueError("it has no public key for signatures")
    return keys


@attrs.frozen
class Loaded:
    """Keys as they were fetched."""

    keys: Keys
    fresh_for: float | None = None
    """For how many seconds the server says that they are good, if it does."""


@attrs.frozen
class _Known:
    """The keys of one moment."""

    all: Keys = ()
    by_id: Mapping[str | None, Keys] = attrs.field(factory=dict)

    @classmethod
    def of(cls, keys: Keys) -> _Known:
        by_id: dict[str | None, Keys] = {}
        for key in keys:
            by_id[key.get("kid")] = (*by_id.get(key.get("kid"), ()), key)
        return cls(keys, by_id)

    def find(self, key_id: str | None) -> Keys:
        """The keys with that ``kid`` and those without any; all of them if it is None."""
        if key_id is None:
            return self.all
        return self.by_id.get(key_id, ()) + self.by_id.get(None, ())


class KeySet:
    """The keys of one authorization server, shared by all snapshots that trust it. Belongs to one event loop.

    ``load`` fetches them; it is that of the newest snapshot, which sets it. ``count`` is told what came of each look-up
    that wanted a fetch: ``fetched``, ``failed``, or ``withheld`` where the bucket was empty.
    """

    load: Callable[[], Awaitable[Loaded]]

    def __init__(self, clock: Clock, count: Callable[[str], None] = lambda outcome: None) -> None:
        self.generation = 1
        self._count = count
        self._now = clock.monotonic
        self._known = _Known()
        self._lock = asyncio.Lock()
        self._attempts = 0
        self._begun = 0
        self._ended = 0
        self._granted = 0
        self._failure: Exception | None = None
        self._fresh_for: float | None = None
        self._fetches = float(_FETCHES)
        self._filled = self._now()
        self._in_vain: OrderedDict[str | None, float] = OrderedDict()

    @property
    def empty(self) -> bool:
        """Whether no keys have been there yet."""
        return not self._known.all

    def keys(self, key_id: str | None) -> Keys | Awaitable[Keys]:
        """The keys that a token with this ``kid`` may be signed by; an awaitable where they have to be fetched.

        Raises OSError where that cannot be told now.
        """
        found = self._known.find(key_id)
        if found or self._asked_in_vain(key_id):
            return found
        joins = self._lock.locked() or self._granted > self._begun
        if joins or self._may_fetch():
            begun = self._begun
            if not joins:
                self._granted = begun + 1
            return self._ask(key_id, begun)
        self._count("withheld")
        if self.empty:
            raise ConnectionError(f"there are no keys yet: {self._failure}")
        return ()

    async def refresh(self) -> None:
        """Fetch the keys, or wait for the fetch that is on its way. Raises OSError; the last good keys stay then."""
        attempts = self._attempts
        async with self._lock:
            if attempts == self._attempts:
                self._begun = number = self._begun + 1
                try:
                    loaded = await self.load()
                    self._replace(loaded.keys)
                    self._fresh_for, self._failure = loaded.fresh_for, None
                except (OSError, ValueError) as error:
                    self._failure = error
                self._count("fetched" if self._failure is None else "failed")
                self._attempts += 1
                self._ended = number
        if self._failure is not None:
            raise ConnectionError(str(self._failure)) from self._failure

    async def keep_fresh(self, every: float, log: Logger) -> None:
        """Refresh ``every`` so many seconds, or as often as the server says, within bounds.

        Where that fails it is tried sooner, and then less and less often.
        """
        delay = min(_RETRY, every) if self.empty else self._interval(every)
        failures = 0
        while True:
            await asyncio.sleep(delay)
            try:
                await self.refresh()
                failures, delay = 0, self._interval(every)
            except OSError as error:
                log.warning("The keys of a key manager could not be fetched; the last good ones stay", error=str(error))
                delay = min(_RETRY * 2**failures, every)
                failures = min(failures + 1, _MOST_DOUBLINGS)

    def _interval(self, every: float) -> float:
        return every if self._fresh_for is None else max(_SOONEST, min(self._fresh_for, _LATEST))

    async def _ask(self, key_id: str | None, begun: int) -> Keys:
        """Look up a key that was not known when fetch number ``begun`` was the last that had begun."""
        if self._lock.locked() or self._granted > self._begun:  # else it has ended since; another one needs leave
            await self.refresh()
        found = self._known.find(key_id)
        # What was on its way already may be older than the key: only what began since then tells that there is none.
        while not found and self._ended <= begun:
            if self._granted <= begun and not self._may_fetch():
                self._count("withheld")
                return ()
            self._granted = max(self._granted, begun + 1)
            await self.refresh()
            found = self._known.find(key_id)
        if not found:
            self._in_vain[key_id] = self._now() + _IN_VAIN
            if len(self._in_vain) > _MOST_IN_VAIN:
                self._in_vain.popitem(last=False)
        return found

    def _asked_in_vain(self, key_id: str | None) -> bool:
        until = self._in_vain.get(key_id)
        if until is None:
            return False
        if until > self._now():
            return True
        del self._in_vain[key_id]
        return False

    def _may_fetch(self) -> bool:
        now = self._now()
        self._fetches = min(_FETCHES, self._fetches + (now - self._filled) / _FETCH_EVERY)
        self._filled = now
        if self._fetches < 1:
            return False
        self._fetches -= 1
        return True

    def _replace(self, keys: Keys) -> None:
        now = {json.dumps(key, sort_keys=True) for key in keys}
        if any(json.dumps(key, sort_keys=True) not in now for key in self._known.all):
            self.generation += 1
        self._known = _Known.of(keys)
