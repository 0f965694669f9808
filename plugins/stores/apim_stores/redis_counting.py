"""Counters in Redis or Valkey, as one process asks them.

The questions of one turn of the loop are a batch, which goes as one call of the script; in a cluster as one call for
each slot, and in one write. Some batches are on their way at a time; what is asked meanwhile joins the next one. A
question that is not answered in time fails; whether it took units is then not known.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from apim_sdk import CounterMetrics, Grant, Limit
from apim_sdk.counting import NEVER

from apim_stores.redis_connection import Connection
from apim_stores.redis_counting_script import COUNT, MEMBERS
from apim_stores.redis_members import Member, Membership
from apim_stores.redis_questions import Answer, Question, RedisCounter, call_of
from apim_stores.redis_servers import Servers
from apim_stores.resp import Reply, ReplyError, command, numbers_in

__all__ = ["SET_UP", "Counting"]

SET_UP: Final = ((b"SCRIPT", b"LOAD", COUNT.encode()), (b"SCRIPT", b"LOAD", MEMBERS.encode()))
"""What each connection begins with."""
_MOST_QUESTIONS: Final = 256
"""Questions of one batch: a millisecond or two of the server, which does nothing else meanwhile."""
_MOST_BATCHES: Final = 4
"""Batches on their way at a time."""
_MOST_TRIES: Final = 4
_PATIENCE: Final = 1.0
"""Seconds after the time-out until a connection that does not answer is opened anew."""
_LATEST: Final = 1 << 33
"""Seconds since the epoch that no clock shows before the year 2242."""
_TRY_AGAIN: Final = frozenset({"NOSCRIPT", "MOVED", "ASK", "TRYAGAIN"})
"""Errors before which nothing was done."""
_NOT_THE_MASTER: Final = frozenset({"READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "NOREPLICAS"})
"""Errors after which it is asked anew which server is the right one."""


class _Batch:
    """Questions that go together. ``calls`` counts those calls that are not answered yet."""

    __slots__ = ("answered", "begun", "calls", "connections", "questions", "sent", "timer")

    def __init__(self, questions: list[Question]) -> None:
        self.begun = time.monotonic()
        self.questions = questions
        self.answered = 0
        self.calls = 0
        self.connections: list[Connection] = []
        self.sent = False
        self.timer: asyncio.TimerHandle | None = None


class Counting:
    """All counters of a process in one Redis. Shared by its snapshots; belongs to one event loop."""

    def __init__(
        self, servers: Servers, prefix: str, timeout: float, waiting: int, metrics: CounterMetrics, member: Member
    ) -> None:
        self._servers = servers
        self._start = prefix.encode()
        self._timeout = timeout
        self._most_waiting = waiting
        self._metrics = metrics
        self.membership = Membership(servers, self._start, max(timeout, _PATIENCE), member)
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Batch] = deque()
        self._scheduled = False
        self._under_way = 0
        self._waiting = 0
        self._ahead = 0.0

    def counter(self, name: str, limit: Limit) -> RedisCounter:
        """See ``apim_sdk.CounterStore``."""
        return RedisCounter(self, self._start, name, limit)

    def now(self) -> float:
        """The server's time, as far as it is known, in seconds since the epoch."""
        return time.time() + self._ahead

    async def ready(self) -> None:
        """Wait until it is known whether the servers are there. Raises OSError where not."""
        await self._servers.ready()

    async def aclose(self) -> None:
        """Let go of the servers; what waits fails."""
        await self.membership.aclose()
        await self._servers.aclose()

    # Questions

    def ask(self, counter: RedisCounter, what: int, key: str, first: int, second: int) -> Answer:
        """Ask in the next batch."""
        question = Question(counter, what, key, first, second, self._loop.create_future())
        if self._waiting >= self._most_waiting:
            self._fail(question, "full", ConnectionError(f"{self._most_waiting:,} questions wait for Redis already"))
        else:
            self._waiting += 1
            self._enqueue(question)
        return question.answer

    def _enqueue(self, question: Question) -> None:
        queue = self._queue
        if not queue or len(queue[-1].questions) >= _MOST_QUESTIONS:
            batch = _Batch([])
            batch.timer = self._loop.call_later(self._timeout, self._late, batch)
            queue.append(batch)
        queue[-1].questions.append(question)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while self._queue and self._under_way < _MOST_BATCHES:
            self._under_way += 1
            self._send(self._queue.popleft())

    def _send(self, batch: _Batch) -> None:
        batch.sent = True
        questions = [each for each in batch.questions if not each.answer.done()]
        self._waiting -= len(batch.questions) - len(questions)
        batch.questions = questions
        groups: dict[int, list[Question]] = {}
        if self._servers.split:
            for question in questions:
                groups.setdefault(question.slot, []).append(question)
        elif questions:
            groups[0] = questions
        writes: dict[Connection, tuple[list[bytes], list[Any]]] = {}
        for slot, group in groups.items():
            try:
                connection = self._servers.of(slot)
            except OSError as error:
                for question in group:
                    self._done(question, "away", error)
                continue
            commands, takers = writes.setdefault(connection, ([], []))
            commands.append(call_of(group, self.now()))
            takers.append(partial(self._taken, batch, group, connection))
        batch.calls = sum(len(takers) for _, takers in writes.values())
        batch.connections = list(writes)
        for connection, (commands, takers) in writes.items():
            connection.send(b"".join(commands), *takers)
        if not batch.calls:
            self._over(batch)

    # Answers

    def _taken(self, batch: _Batch, group: list[Question], connection: Connection, reply: Any) -> None:
        try:
            if isinstance(reply, ReplyError):
                self._refused(group, connection, reply)
            elif isinstance(reply, ConnectionError):
                for question in group:
                    self._done(question, "away", reply)
            else:
                batch.answered += self._answered(group, numbers_in(reply, 3 + 4 * len(group)))
        except ConnectionError as error:
            for question in group:
                self._done(question, "broken", error)
            raise
        finally:
            batch.calls -= 1
            if not batch.calls:
                self._over(batch)

    def _answered(self, group: list[Question], numbers: Sequence[int]) -> int:
        """Hand on the answers; how many there were."""
        if not 0 <= numbers[0] < _LATEST or not 0 <= numbers[1] < 1_000_000:
            raise ConnectionError("the server's clock tells no time")
        self._ahead = numbers[0] + numbers[1] / 1e6 - time.time()
        if numbers[2]:
            self._metrics.failed("dropped value", numbers[2])
        members = iter(numbers[3:])
        answered = 0
        for question, units, wait, remaining, reset in zip(group, members, members, members, members, strict=True):
            if units < 0:  # its window is not that of the server's clock, which we know now
                self._again(question, "the window of the calendar keeps changing")
                continue
            grant = Grant(units, wait / 1e6 if wait >= 0 else NEVER, remaining, reset / 1e6)
            self._waiting -= 1
            answered += 1
            if not question.answer.done():
                question.answer.set_result(grant)
        return answered

    def _refused(self, group: list[Question], connection: Connection, error: ReplyError) -> None:
        code = error.code
        if code in _TRY_AGAIN and max(question.tries for question in group) < _MOST_TRIES:
            if code == "NOSCRIPT":
                connection.send(command(*SET_UP[0]), _ignore)
            elif code != "TRYAGAIN":
                self._servers.moved()
                if self._redirected(group, connection, error):
                    return
            for question in group:
                self._again(question, str(error))
            return
        if code in _NOT_THE_MASTER:
            connection.abort(str(error))
        for question in group:
            self._done(question, "refused", ConnectionError(f"Redis: {error}"))

    def _redirected(self, group: list[Question], asked: Connection, error: ReplyError) -> bool:
        """Ask where MOVED and ASK say; False where that server is not connected."""
        host, _, port = str(error).split(" ")[-1].rpartition(":")
        try:
            connection = self._servers.at(host or asked.address.host, int(port))
        except (OSError, ValueError):
            return False
        for question in group:
            question.tries += 1
        batch = _Batch(group)
        batch.sent, batch.calls, batch.connections = True, 1, [connection]
        batch.timer = self._loop.call_later(self._timeout, self._late, batch)
        self._under_way += 1
        asking, takers = (command(b"ASKING"), [_ignore]) if error.code == "ASK" else (b"", [])
        connection.send(asking + call_of(group, self.now()), *takers, partial(self._taken, batch, group, connection))
        return True

    def _again(self, question: Question, reason: str) -> None:
        question.tries += 1
        if question.tries > _MOST_TRIES:
            self._done(question, "refused", ConnectionError(f"Redis: {reason}"))
        else:
            self._enqueue(question)

    def _over(self, batch: _Batch) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        if batch.answered:
            self._metrics.answered(batch.answered, time.monotonic() - batch.begun)
        self._under_way -= 1
        if self._queue and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _late(self, batch: _Batch) -> None:
        """Fail what has not been answered; it stays on its way, as the answer may still come."""
        error = TimeoutError(f"Redis has not answered within {self._timeout:g} s")
        for question in batch.questions:
            if not question.answer.done():
                self._fail(question, "timeout", error)
        if batch.sent:
            batch.timer = self._loop.call_later(_PATIENCE, self._give_up, batch)
        else:
            self._queue.remove(batch)
            self._waiting -= len(batch.questions)

    def _give_up(self, batch: _Batch) -> None:
        for connection in batch.connections:
            connection.abort("it does not answer")

    def _done(self, question: Question, kind: str, error: OSError) -> None:
        self._waiting -= 1
        if not question.answer.done():
            self._fail(question, kind, error)

    def _fail(self, question: Question, kind: str, error: OSError) -> None:
        self._metrics.failed(kind)
        question.answer.set_exception(error)
        question.answer.exception()  # taken: whoever asked may not look any more


def _ignore(reply: Reply | ConnectionError) -> None:
    """Nobody waits for this answer."""
