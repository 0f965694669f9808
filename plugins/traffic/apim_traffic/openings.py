"""Openings of circuit breakers that nodes share through a store.

Each node counts for itself. When a breaker opens, its node writes under the breaker's name until when; the others
follow, and open theirs. When its probes were answered the entry goes, and the others probe too. While the store is
away, each node has what it finds out by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable
from secrets import token_hex
from typing import Final

import attrs
from apim_sdk import Batch, Clock, Logger, Store

__all__ = ["Opening", "Openings"]

_FIRST_RETRY: Final = 0.1
_LONGEST_RETRY: Final = 5.0


@attrs.frozen
class Opening:
    """A breaker is open for ``duration`` seconds, ``until`` then (seconds since the epoch); ``node`` found out."""

    duration: float
    until: float
    node: str

    def encode(self) -> bytes:
        """As it is written."""
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def decode(cls, value: bytes) -> Opening | None:
        """What was written; None where it is nothing that ``encode`` makes."""
        try:
            read = json.loads(value)
            opening = cls(float(read["duration"]), float(read["until"]), str(read["node"]))
        except (ValueError, TypeError, KeyError):
            return None
        return opening if math.isfinite(opening.until) and 0 < opening.duration < math.inf else None

    def remaining(self, now: float) -> float:
        """Seconds that are left of it; never more than all, whatever the clocks of two nodes say."""
        return min(self.until - now, self.duration)


Heard = Callable[[str, Opening | None], None]
"""Is told of another node's opening; None where it is over."""


class Openings:
    """The openings under one prefix of a store, at most ``most`` of them; shared by the snapshots of a process."""

    def __init__(self, prefix: str, most: int, clock: Clock) -> None:
        self._prefix = prefix
        self._most = most
        self._clock = clock
        self._node = token_hex(8)
        self._known: OrderedDict[str, Opening] = OrderedDict()
        self._unsaid: OrderedDict[str, Opening | None] = OrderedDict()
        self._saying = asyncio.Event()

    def current(self, name: str) -> Opening | None:
        """The opening of a breaker, by another node, that is not over."""
        opening = self._known.get(name)
        return opening if opening is not None and opening.remaining(self._clock.now()) > 0 else None

    def opened(self, name: str, duration: float) -> None:
        """Have the others told that this node's breaker has opened."""
        self._say(name, Opening(duration, self._clock.now() + duration, self._node))

    def closed(self, name: str) -> None:
        """Have the others told that it has closed."""
        self._say(name, None)

    def _say(self, name: str, opening: Opening | None) -> None:
        self._unsaid[name] = opening
        self._unsaid.move_to_end(name)
        if len(self._unsaid) > self._most:
            self._unsaid.popitem(last=False)
        self._saying.set()

    async def publish(self, store: Store, log: Logger, failed: Callable[[], None]) -> None:
        """Say what there is to say, for good. What the store does not take is dropped: it is old news by the time."""
        while True:
            await self._saying.wait()
            self._saying.clear()
            while self._unsaid:
                name, opening = self._unsaid.popitem(last=False)
                try:
                    if opening is None:
                        await store.delete(self._prefix + name)
                    elif (left := opening.remaining(self._clock.now())) > 0:
                        await store.put(self._prefix + name, opening.encode(), left)
                except OSError as error:
                    failed()
                    log.warning("the store of openings is away; other nodes are not told", error=str(error))

    async def follow(self, store: Store, heard: Heard, log: Logger, failed: Callable[[], None]) -> None:
        """Hear what other nodes say, for good; ``heard`` is told of it by the breaker's name."""
        delay = _FIRST_RETRY
        while True:
            batches = store.follow(self._prefix)
            try:
                async for batch in batches:
                    delay = _FIRST_RETRY
                    self._take(batch, heard)
            except OSError as error:
                failed()
                log.warning("the store of openings is away; each node goes by what it sees itself", error=str(error))
            finally:
                close = getattr(batches, "aclose", None)
                if close is not None:
                    with contextlib.suppress(OSError):
                        await close()
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_RETRY)

    def _take(self, batch: Batch, heard: Heard) -> None:
        if batch.first:
            self._known.clear()
        for change in batch.changes:
            name = change.key.removeprefix(self._prefix)
            if change.value is None:
                if self._known.pop(name, None) is not None:
                    heard(name, None)
                continue
            opening = Opening.decode(change.value)
            if opening is None or opening.node == self._node or opening.remaining(self._clock.now()) <= 0:
                continue
            self._known[name] = opening
            self._known.move_to_end(name)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            heard(name, opening)
