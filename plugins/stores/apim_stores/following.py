"""Follow a store: what is there, then what changes, over interruptions.

Every store of this package writes the *keys* that change into a log, in the order in which they did, and reads the
values when it is asked for news. So the log stays small whatever the values are, a key that changed several times is
told once, and a follower has after each batch what the store had at one moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Final, Generic, TypeVar

import attrs
from apim_sdk import Batch, Change, Logger

__all__ = ["ChangeLog", "News", "Page", "Position", "follow_on", "scan"]

Position = TypeVar("Position")

_FIRST_WAIT: Final = 0.1
"""Seconds until the first new attempt; each one doubles them,"""
_LONGEST_WAIT: Final = 1.0
"""but not past these."""
_PATIENCE: Final = 5.0
"""Seconds that a store may be away before followers are told."""


@attrs.frozen
class Page:
    """Some of what is in a store; ``last`` if nothing comes after it."""

    changes: tuple[Change, ...]
    last: bool


@attrs.frozen
class News(Generic[Position]):
    """What changed since a position; ``position`` is the one to ask from next, ``more`` tells to ask at once."""

    changes: tuple[Change, ...]
    position: Position
    more: bool = False


class ChangeLog(Generic[Position]):
    """What followers need of a store. Belongs to one event loop.

    ``poll`` is after how many seconds followers look for news that nobody woke them for.
    """

    poll: float

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    async def end(self) -> Position:
        """The position after the newest change. Raises OSError."""
        raise NotImplementedError

    def pages(self, prefix: str) -> AsyncGenerator[Page, None]:
        """All that is under ``prefix``, in any order. Raises OSError."""
        raise NotImplementedError

    async def news(self, position: Position, prefix: str) -> News[Position] | None:
        """What changed under ``prefix`` since; None if the log does not know any more. Raises OSError."""
        raise NotImplementedError

    def wake(self) -> None:
        """Have all followers look for news now."""
        for event in self._waiting:
            event.set()

    async def follow(self, prefix: str) -> AsyncGenerator[Batch, None]:
        """All that is under ``prefix``, then every change. Raises OSError where the store is away."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            while True:
                position = await self.end()
                first = True
                async with aclosing(self.pages(prefix)) as pages:
                    async for page in pages:
                        yield Batch(page.changes, first=first, complete=page.last)
                        first = False
                async with aclosing(self._changes(position, prefix, woken)) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._waiting.discard(woken)

    async def _changes(self, position: Position, prefix: str, woken: asyncio.Event) -> AsyncGenerator[Batch, None]:
        """Every change since a position; ends where the log does not go back to it."""
        while True:
            woken.clear()
            news = await self.news(position, prefix)
            if news is None:
                return
            position = news.position
            if news.changes:
                yield Batch(news.changes)
            if not news.more:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.poll):
                        await woken.wait()


async def scan(log: ChangeLog[Any], prefix: str) -> AsyncIterator[tuple[str, bytes]]:
    """Every key under ``prefix`` with its value."""
    async with aclosing(log.pages(prefix)) as pages:
        async for page in pages:
            for change in page.changes:
                if change.value is not None:
                    yield change.key, change.value


async def follow_on(follow: Callable[[], AsyncGenerator[Batch, None]], log: Logger) -> AsyncIterator[Batch]:
    """The batches of ``follow``, which is begun again where it raises OSError in the midst.

    An OSError is raised where the store was away to begin with, and where it stays away: who follows has to know.
    """
    failing_since: float | None = None
    begun, wait = False, _FIRST_WAIT
    while True:
        try:
            async with aclosing(follow()) as batches:
                async for batch in batches:
                    begun, wait, failing_since = True, _FIRST_WAIT, None
                    yield batch
        except OSError as error:
            now = time.monotonic()
            if not begun or (failing_since is not None and now - failing_since > _PATIENCE):
                raise
            if failing_since is None:
                failing_since = now
                log.warning("A store is away; changes are not seen until it is back", error=str(error))
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  # spreads attempts, hides nothing
        wait = min(2 * wait, _LONGEST_WAIT)
