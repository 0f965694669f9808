"""Write a line of JSON for every request."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Context, Record, Sink, state

from apim_analytics.json_lines import LineWriter

__all__ = ["JSONLines"]

_AT_ONCE: Final = 128
"""How many records are formatted before requests get their turn again."""


@attrs.frozen
class JSONLines(Sink):
    """Writes each request's record as one line of JSON to a file.

    The members are those of `Record`: `timestamp` (RFC 3339, UTC), `exchange_id`, `method`, `host`, `status`, `api`,
    `version`, `operation`, `plan`, `application`, `path`, `subject`, `client_address`, `bytes_received`, `bytes_sent`,
    `duration`, `endpoint_duration` (seconds), and where something refused or failed `error_key`, `error_code`,
    `error_detail`, `policy`. Of a stream whose messages policies saw there are totals: `stream` (`websocket` or
    `events`), `messages_received`, `messages_sent`, `message_bytes_received`, `message_bytes_sent`, `messages_refused`,
    `messages_dropped`, and `closed_by`, if a policy ended it. The file is opened again when it has been moved away, so
    any log rotation will do.
    """

    example: ClassVar[Any] = {"path": "access.jsonl"}

    path: Path = Path("-")
    """File that lines are appended to, made if it is missing; `-` is standard output."""
    _file: _File = state()
    _writer: LineWriter = state()

    async def start(self, context: Context) -> None:
        file = await context.shared(("jsonl", self.path), lambda: _File(self.path))
        self.hold(_file=file, _writer=LineWriter())

    async def write(self, batch: Sequence[Record]) -> None:
        parts: list[bytes] = []
        for first in range(0, len(batch), _AT_ONCE):
            text = self._writer.lines(batch[first : first + _AT_ONCE])
            # An unpaired surrogate becomes the JSON escape that it has.
            parts.append(text.encode("utf-8", "backslashreplace"))
            await asyncio.sleep(0)
        await asyncio.to_thread(self._file.append, b"".join(parts))


class _File:
    """A file to append to, by its path. One thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stdout = path.name == "-"
        self._descriptor = self._open()

    def append(self, data: bytes) -> None:
        """Write all of ``data`` to the file that has the path now."""
        if self._moved():
            self.close()
            self._descriptor = self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def close(self) -> None:
        """Close the file, unless it is standard output."""
        if not self._stdout:
            os.close(self._descriptor)

    def _open(self) -> int:
        if self._stdout:
            return sys.stdout.fileno()
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _moved(self) -> bool:
        if self._stdout:
            return False
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._descriptor))
