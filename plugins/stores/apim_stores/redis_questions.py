"""Counters in Redis or Valkey, the questions to them, and the call of the script that decides many of them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol

from apim_sdk import Grant, Limit

from apim_stores import redis_counting_script as script
from apim_stores.redis_limits import NUMBERS, calendar_window, numbers_of
from apim_stores.redis_servers import slot_of
from apim_stores.resp import pack

__all__ = ["Answer", "Question", "RedisCounter", "call_of"]

_GRANT, _SETTLE, _RESET = range(3)
_LONGEST_KEY: Final = 512
_TAGS: Final = [b"%02x" % number for number in range(256)]
"""Hash tags, over whose slots a cluster spreads the keys."""
_SLOTS: Final = [slot_of(tag) for tag in _TAGS]
_SMALL: Final = [pack(b"%d" % number) for number in range(1025)]

Answer = asyncio.Future[Any]


class Asked(Protocol):
    """What counters ask."""

    def ask(self, counter: RedisCounter, what: int, key: str, first: int, second: int) -> Answer:
        """Ask in the next batch."""

    def now(self) -> float:
        """The server's time, as far as it is known, in seconds since the epoch."""


class RedisCounter:
    """See ``apim_sdk.SharedCounter``. Its keys begin alike, with a digest of what counts together."""

    __slots__ = ("_asked", "_begins", "_limit", "_start", "_window", "numbers")

    def __init__(self, asked: Asked, start: bytes, name: str, limit: Limit) -> None:
        by_the_calendar = (limit.calendar, str(limit.zone)) if limit.calendar is not None else None
        together = repr((name, limit.algorithm, float(limit.seconds), by_the_calendar))
        self._begins = blake2b(together.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest().encode() + b":"
        self._start = start
        self._asked = asked
        self._limit = limit
        self._window = (0, 0, 0)
        self.numbers = b""
        """The limit, packed for the script."""
        self.turn_to(asked.now())

    def turn_to(self, moment: float) -> None:
        """Take the window of the calendar that a moment of the store's clock is in."""
        turned = self._limit.calendar is not None and not self._window[0] <= moment * 1000 < self._window[1]
        if turned or not self.numbers:
            self._window = calendar_window(self._limit, moment)
            self.numbers = b"".join(map(_packed, numbers_of(self._limit, self._window)))

    def place_of(self, key: str) -> tuple[bytes, int]:
        """The key in Redis, and its slot. Raises ValueError for one that is too long."""
        if len(key) > _LONGEST_KEY:
            raise ValueError(f"a key of {len(key)} characters is too long: {_LONGEST_KEY} are the most")
        name = self._begins + key.encode("utf-8", "surrogatepass")
        tag = zlib.crc32(name) & 255
        return b"%b{%b}%b" % (self._start, _TAGS[tag], name), _SLOTS[tag]

    def grant(self, key: str, least: int, most: int) -> Awaitable[Grant]:
        return self._asked.ask(self, _GRANT, key, least, most)

    def settle(self, key: str, units: int) -> Awaitable[Grant]:
        return self._asked.ask(self, _SETTLE, key, units, 0)

    async def reset(self, key: str) -> None:
        await self._asked.ask(self, _RESET, key, 0, 0)


class Question:
    """What is asked of a key; ``tries`` counts how often it was asked in vain."""

    __slots__ = ("answer", "counter", "first", "key", "second", "slot", "tries", "what")

    def __init__(self, counter: RedisCounter, what: int, key: str, first: int, second: int, answer: Answer) -> None:
        self.key, self.slot = counter.place_of(key)
        self.counter = counter
        self.what = what
        self.first = first
        self.second = second
        self.answer = answer
        self.tries = 0


def call_of(questions: Sequence[Question], moment: float) -> bytes:
    """The call of the script that decides the questions; ``moment`` is that of the server's clock."""
    limits: dict[RedisCounter, int] = {}
    keys: list[bytes] = []
    asked: list[bytes] = []
    for question in questions:
        number = limits.get(question.counter)
        if number is None:
            number = limits[question.counter] = len(limits) + 1
        keys.append(pack(question.key))
        asked += (_packed(number), _packed(question.what), _packed(question.first), _packed(question.second))
    for counter in limits:
        counter.turn_to(moment)
    count = 4 + len(keys) + NUMBERS * len(limits) + len(asked)
    head = b"*%d\r\n$7\r\nEVALSHA\r\n%b%b" % (count, pack(script.COUNT_SHA.encode()), _packed(len(keys)))
    return b"".join((head, *keys, _packed(len(limits)), *[counter.numbers for counter in limits], *asked))


def _packed(number: int) -> bytes:
    return _SMALL[number] if 0 <= number <= 1024 else pack(b"%d" % number)
