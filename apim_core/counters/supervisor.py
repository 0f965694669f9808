"""The supervisor's end: it answers what the workers of its node ask of their common counters."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from apim_sdk import Limit
from apim_sdk.context import Clock, Logger

from apim_core.counters.ledger import Counted, Ledger
from apim_core.counters.messages import (
    DECLARE,
    GRANT,
    MEMBERS,
    MOST_QUESTIONS,
    RESET,
    SETTLE,
    Broken,
    Messages,
    framed,
    limit_of,
    pack_answer,
    questions_of,
)
from apim_core.metrics import Metrics

__all__ = ["Answering", "NodeLedger"]

_DONE = pack_answer(0, 0.0, 0, 0.0)


class NodeLedger:
    """Counts for the workers whose socket pairs were attached; ``members`` tells how many of them there are,
    or soon will be."""

    def __init__(self, clock: Clock, size: int, members: Callable[[], int], log: Logger) -> None:
        self.ledger = Ledger(clock, size)
        self._members = members
        self._log = log

    async def attach(self, end: socket.socket, worker: int) -> None:
        """Answer what comes from the other end of a socket pair, until that is closed."""
        answering = Answering(self.ledger, self._members)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: _Connection(answering, self._log, worker), sock=end)

    def measure(self, metrics: Metrics) -> None:
        """Show on the management port how much is counted."""
        ledger = self.ledger
        metrics.gauge("apim_node_counters", "Counters that the supervisor holds", lambda: len(ledger))
        metrics.gauge("apim_node_counter_keys", "Keys that the supervisor counts", lambda: ledger.keys)
        metrics.total("apim_node_counter_decisions", "Questions that the supervisor answered", lambda: ledger.decisions)
        metrics.total(
            "apim_node_counter_forgotten_keys",
            "Keys in use that the supervisor forgot, as there were too many",
            lambda: ledger.forgotten,
        )


class Answering:
    """What one worker has declared, and the answers to its questions."""

    def __init__(self, ledger: Ledger, members: Callable[[], int]) -> None:
        self._ledger = ledger
        self._members = members
        self._counted: dict[int, Counted] = {}
        self._varying: dict[int, Limit] = {}
        """The limits of their own by which some counters go."""

    def answer(self, message: bytes) -> bytes:
        """The answers to a message of questions. Raises Broken for what cannot be answered."""
        ledger = self._ledger
        counted, varying = self._counted, self._varying
        answers: list[bytes] = []
        for what, number, key, first, second in questions_of(message):
            if what == DECLARE:
                limit = limit_of(first)
                counted[number] = ledger.declare(key, limit)
                if limit.varying:
                    varying[number] = limit
                else:
                    varying.pop(number, None)
                continue
            if what == MEMBERS:
                answers.append(pack_answer(max(self._members(), 1), 0.0, 0, 0.0))
                continue
            found = counted.get(number)
            if found is None:
                raise Broken("a counter is asked that was not declared")
            table = found.table
            if table is None:
                found = counted[number] = ledger.again(found)
                table = found.table
                assert table is not None, "what is in the ledger has a table"
            if number in varying and table.limit is not varying[number]:
                table.adopt(varying[number])
            if what == GRANT:
                if not 0 < first <= second:
                    raise Broken("a grant is of one unit at least")
                grant = table.grant(key, first, second)
            elif what == SETTLE:
                if first:
                    table.settle(key, first)
                grant = table.standing(key)
            elif what == RESET:
                table.reset(key)
                answers.append(_DONE)
                continue
            else:
                raise Broken("nobody knows this question")
            answers.append(pack_answer(grant.units, grant.wait, grant.remaining, grant.reset))
        if len(answers) > MOST_QUESTIONS:
            raise Broken("a message has too many questions")
        ledger.decisions += len(answers)
        return b"".join(answers)


class _Connection(asyncio.Protocol):
    """A socket pair. A worker that does not read its answers is not listened to meanwhile."""

    def __init__(self, answering: Answering, log: Logger, worker: int) -> None:
        self._answering = answering
        self._log = log
        self._worker = worker
        self._messages = Messages()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._messages.feed(data):
                self._transport.write(framed(self._answering.answer(message)))
        except Broken as error:
            self._log.error("a worker asks what is no question", worker=self._worker, error=str(error))
            self._transport.abort()

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()
