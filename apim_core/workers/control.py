"""The control channel between the supervisor and one worker: a Unix socket pair that carries JSON lines.

    supervisor -> worker   {"id": 7, "ask": "prepare", "size": 5120}      and then 5120 bytes
    worker -> supervisor   {"id": 7, "size": 0, "facts": {...}}           or {"id": 7, "size": 0, "error": {...}}

The supervisor asks, the worker answers, in any order. Either side's end of the channel tells the other that it is
gone: a worker whose supervisor died drains and ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from apim_core.config import ConfigErrors, Problem

__all__ = ["Answer", "Asker", "Refused", "WorkerGone", "answer_until_closed"]

_LONGEST_LINE = 1 << 20
_LARGEST_PAYLOAD = 1 << 30


class WorkerGone(ConnectionError):
    """The worker ended, or was never there, before it answered."""


class Refused(Exception):
    """The worker could not do what it was asked."""


@attrs.frozen
class Answer:
    """What a worker answers: facts, plain values, and bytes."""

    facts: Mapping[str, Any] = attrs.field(factory=dict)
    payload: bytes = b""


class Asker:
    """The supervisor's end. Belongs to one event loop."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None

    async def open(self, end: socket.socket) -> None:
        """Take over the supervisor's end of the socket pair."""
        reader, self._writer = await asyncio.open_unix_connection(sock=end, limit=_LONGEST_LINE)
        self._listener = asyncio.get_running_loop().create_task(self._listen(reader))

    async def ask(self, what: str, payload: bytes = b"", timeout: float | None = None) -> Answer:
        """Ask and wait for the answer.

        Raises WorkerGone, TimeoutError after ``timeout`` seconds, ConfigErrors and Refused as the worker says.
        """
        if self._writer is None or self._writer.is_closing():
            raise WorkerGone(f"the worker is gone: it cannot {what}")
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await _send(self._writer, {"id": number, "ask": what}, payload)
            async with asyncio.timeout(timeout):
                return await answer
        except ConnectionError as error:
            raise WorkerGone(f"the worker ended when it was to {what}") from error
        finally:
            del self._waiting[number]
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # taken, as nobody else will where sending failed first

    async def close(self) -> None:
        """End the channel; whoever waits gets WorkerGone."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while (message := await _receive(reader)) is not None:
                line, payload = message
                answer = self._waiting.get(line["id"])
                if answer is None or answer.done():
                    continue
                if "error" in line:
                    answer.set_exception(_error_of(line["error"]))
                else:
                    answer.set_result(Answer(line["facts"], payload))
        finally:
            assert self._writer is not None
            self._writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(WorkerGone("the worker ended before it answered"))


Handler = Callable[[bytes], Awaitable[Answer]]


async def answer_until_closed(end: socket.socket, handlers: Mapping[str, Handler]) -> None:
    """The worker's end: answer what is asked, each question in a task of its own, until the supervisor is gone."""
    reader, writer = await asyncio.open_unix_connection(sock=end, limit=_LONGEST_LINE)
    answering: set[asyncio.Task[None]] = set()
    try:
        while (message := await _receive(reader)) is not None:
            line, payload = message
            task = asyncio.get_running_loop().create_task(
                _answer(writer, line["id"], handlers[line["ask"]], payload), name=line["ask"]
            )
            answering.add(task)
            task.add_done_callback(answering.discard)
    finally:
        await asyncio.gather(*answering, return_exceptions=True)
        writer.close()


async def _answer(writer: asyncio.StreamWriter, number: int, handler: Handler, payload: bytes) -> None:
    try:
        answer = await handler(payload)
    except Exception as error:
        await _send(writer, {"id": number, "error": _error_to_json(error)}, b"")
    else:
        await _send(writer, {"id": number, "facts": answer.facts}, answer.payload)


async def _send(writer: asyncio.StreamWriter, line: Mapping[str, Any], payload: bytes) -> None:
    # One call, so that messages of several tasks do not mix.
    writer.write(json.dumps({**line, "size": len(payload)}).encode() + b"\n" + payload)
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None when the other side is gone."""
    try:
        text = await reader.readline()
        if not text.endswith(b"\n"):
            return None
        line: dict[str, Any] = json.loads(text)
        if not 0 <= line["size"] <= _LARGEST_PAYLOAD:
            raise ValueError(f"a message of {line['size']} bytes is larger than the channel carries")
        return line, await reader.readexactly(line["size"])
    except (ConnectionError, asyncio.IncompleteReadError):
        return None


def _error_to_json(error: Exception) -> dict[str, Any]:
    if isinstance(error, ConfigErrors):
        return {"problems": [problem.to_json() for problem in error.problems]}
    return {"text": str(error) or repr(error)}


def _error_of(error: Mapping[str, Any]) -> Exception:
    if "problems" in error:
        return ConfigErrors(Problem(**problem) for problem in error["problems"])
    return Refused(error["text"])
