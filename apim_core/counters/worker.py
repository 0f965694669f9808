"""A worker's end: a store of counters whose counts are in the supervisor.

The questions of one turn of the loop go as one message, and their answers come as one. A question that is not answered
in time fails; its answer may come later, and is then left.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
import weakref
from collections import deque
from collections.abc import Awaitable
from typing import Any, ClassVar, Final, Literal, cast

from apim_sdk import CounterMetrics, CounterStore, Grant, Limit

from apim_core.counters.messages import (
    DECLARE,
    GRANT,
    HIGHEST_NUMBER,
    LONGEST_KEY,
    MEMBERS,
    MOST_QUESTIONS,
    RESET,
    SETTLE,
    Broken,
    Messages,
    answers_of,
    framed,
    settings_of,
)
from apim_core.metrics import Metrics

__all__ = ["NodeCounters"]

_TIMEOUT: Final = 1.0
"""Seconds for the supervisor to answer, which it mostly does in less than a thousandth of that."""
_MOST_WAITING: Final = 20_000
"""Questions that may wait for an answer."""

_Answer = asyncio.Future[Grant]


class NodeCounters(CounterStore):
    """Counts together with the other workers of the supervisor."""

    shared_by: ClassVar[Literal["node", "network"]] = "node"

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, end: socket.socket, timeout: float = _TIMEOUT) -> NodeCounters:
        """Ask over the worker's end of a socket pair."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: _Connection(timeout), sock=end)
        return cls(connection)

    def counter(self, name: str, limit: Limit) -> NodeCounter:
        """See ``apim_sdk.CounterStore``. Of several limits of the same counter that of the one declared last holds: a
        counter is declared when it is asked first."""
        return NodeCounter(self._connection, name, limit)

    async def members(self) -> int:
        """How many workers the node has, this one included."""
        return (await self._connection.ask(MEMBERS, 0, "", 0, 0)).units

    def measure(self, metrics: Metrics) -> None:
        """Show on the management port what is asked and how long that takes."""
        self._connection.measure(metrics)

    async def closed(self) -> None:
        """Wait until the supervisor is gone."""
        await self._connection.closed.wait()

    def close(self) -> None:
        """Ask no more; what waits fails."""
        self._connection.close()


class NodeCounter:
    """See ``apim_sdk.SharedCounter``."""

    __slots__ = ("__weakref__", "_connection", "_declaration", "_number")

    def __init__(self, connection: _Connection, name: str, limit: Limit) -> None:
        self._connection = connection
        self._number = connection.number()
        self._declaration: list[Any] | None = [DECLARE, self._number, name, settings_of(limit), 0]
        weakref.finalize(self, connection.free_number, self._number).atexit = False

    def grant(self, key: str, least: int, most: int) -> Awaitable[Grant]:
        return self._ask(GRANT, key, least, most)

    def settle(self, key: str, units: int) -> Awaitable[Grant]:
        return self._ask(SETTLE, key, units, 0)

    async def reset(self, key: str) -> None:
        await self._ask(RESET, key, 0, 0)

    def _ask(self, what: int, key: str, first: int, second: int) -> _Answer:
        if len(key) > LONGEST_KEY:
            raise ValueError(f"a key of {len(key)} characters is too long: {LONGEST_KEY} are the most")
        if self._declaration is not None:
            declaration, self._declaration = self._declaration, None
            self._connection.tell(declaration)
        return self._connection.ask(what, self._number, key, first, second)


class _Batch:
    """Questions that go together, with their answers to come."""

    __slots__ = ("answers", "begun", "questions", "timer")

    def __init__(self) -> None:
        self.questions: list[Any] = []
        self.answers: list[_Answer] = []
        self.begun = time.monotonic()
        self.timer: asyncio.TimerHandle | None = None

    def fail(self, error: OSError) -> int:
        """Fail what has no answer yet; how many there were."""
        waiting = [answer for answer in self.answers if not answer.done()]
        for answer in waiting:
            answer.set_exception(error)
            answer.exception()  # taken: whoever asked may have gone
        return len(waiting)


class _Connection(asyncio.Protocol):
    """The socket pair. Messages are answered in their order."""

    def __init__(self, timeout: float) -> None:
        self.closed = asyncio.Event()
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._messages = Messages()
        self._open: _Batch | None = None
        self._sent: deque[_Batch] = deque()
        self._waiting = 0
        self._numbers = itertools.count()
        self._free: deque[int] = deque()
        self.measure(Metrics())

    def measure(self, metrics: Metrics) -> None:
        self._metrics = CounterMetrics(metrics, "node")

    # Numbers of counters

    def number(self) -> int:
        """A number that no counter has."""
        number = self._free.popleft() if self._free else next(self._numbers)
        if number >= HIGHEST_NUMBER:
            raise ValueError(f"there are {HIGHEST_NUMBER:,} counters in use, which is the most")
        return number

    def free_number(self, number: int) -> None:
        self._free.append(number)

    # Questions

    def tell(self, declaration: list[Any]) -> None:
        """Add what has no answer."""
        self._batch().questions += declaration

    def ask(self, what: int, number: int, key: str, first: int, second: int) -> _Answer:
        answer: _Answer = self._loop.create_future()
        if self.closed.is_set():
            return self._refused(answer, "away", "the supervisor is gone")
        if self._waiting >= _MOST_WAITING:
            return self._refused(answer, "full", f"{_MOST_WAITING:,} questions wait for the supervisor already")
        batch = self._batch()
        batch.questions += (what, number, key, first, second)
        batch.answers.append(answer)
        self._waiting += 1
        if len(batch.answers) >= MOST_QUESTIONS:
            self._send(batch)
        return answer

    def _refused(self, answer: _Answer, error: str, reason: str) -> _Answer:
        self._metrics.failed(error)
        answer.set_exception(ConnectionError(reason))
        answer.exception()  # taken: whoever asked may not look
        return answer

    def _batch(self) -> _Batch:
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
            self._loop.call_soon(self._send, batch)
        return batch

    def _send(self, batch: _Batch) -> None:
        if self._open is not batch:  # it was full, and has gone
            return
        self._open = None
        if self.closed.is_set():
            self._waiting -= len(batch.answers)
            self._metrics.failed("away", batch.fail(ConnectionError("the supervisor is gone")))
            return
        self._transport.write(framed(json.dumps(batch.questions).encode()))
        batch.questions = []
        batch.timer = self._loop.call_later(self._timeout, self._late, batch)
        self._sent.append(batch)

    def _late(self, batch: _Batch) -> None:
        error = TimeoutError(f"the supervisor has not answered within {self._timeout:g} s")
        self._metrics.failed("timeout", batch.fail(error))

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._messages.feed(data):
                self._answered(answers_of(message))
        except Broken:
            self._transport.abort()

    def _answered(self, grants: list[Grant]) -> None:
        if not self._sent or len(self._sent[0].answers) != len(grants):
            raise Broken("there are other answers than questions")
        batch = self._sent.popleft()
        assert batch.timer is not None, "it was sent"
        batch.timer.cancel()
        self._waiting -= len(grants)
        for answer, grant in zip(batch.answers, grants, strict=True):
            if not answer.done():
                answer.set_result(grant)
        self._metrics.answered(len(grants), time.monotonic() - batch.begun)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()
        while self._sent:
            batch = self._sent.popleft()
            assert batch.timer is not None, "it was sent"
            batch.timer.cancel()
            self._waiting -= len(batch.answers)
            self._metrics.failed("away", batch.fail(ConnectionError("the supervisor is gone")))

    def close(self) -> None:
        self._transport.close()
