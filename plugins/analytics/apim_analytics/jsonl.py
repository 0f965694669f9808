"""Write a line of JSON for every request."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Context, Record, Sink, state

__all__ = ["JSONLines"]

_AT_ONCE: Final = 128
"""How many records are formatted before requests get their turn again."""


@attrs.frozen
class JSONLines(Sink):
    """Writes each request's record as one line of JSON to a file.

    The members are those of `Record`: `timestamp` (RFC 3339, UTC), `exchange_id`, `method`, `host`, `path`, `status`,
    `api`, `version`, `operation`, `plan`, `application`, `subject`, `client_address`, `bytes_received`, `bytes_sent`,
    `duration`, `endpoint_duration` (seconds), and where something refused or failed `error_key`, `error_code`,
    `error_detail`, `policy`. The file is opened again when it has been moved away, so any log rotation will do.
    """

    example: ClassVar[Any] = {"path": "access.jsonl"}

    path: Path = Path("-")
    """File that lines are appended to, made if it is missing; `-` is standard output."""
    _file: _File = state()

    async def start(self, context: Context) -> None:
        self.hold(_file=await context.shared(("jsonl", self.path), lambda: _File(self.path)))

    async def write(self, batch: Sequence[Record]) -> None:
        lines: list[str] = []
        for first in range(0, len(batch), _AT_ONCE):
            lines.extend(map(_line, batch[first : first + _AT_ONCE]))
            await asyncio.sleep(0)
        # An unpaired surrogate becomes the JSON escape that it has.
        data = "".join(lines).encode("utf-8", "backslashreplace")
        await asyncio.to_thread(self._file.append, data)


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


def _line(record: Record) -> str:
    seconds = int(record.timestamp)
    subject = record.subject
    return (
        f'{{"timestamp":"{_second(seconds)}.{int((record.timestamp - seconds) * 1000):03}Z",'
        f'"exchange_id":{encode_basestring(record.exchange_id)},"method":{_text(record.method)},"host":{_text(record.host)},'
        f'"path":{encode_basestring(record.path)},"status":{record.status},'
        f"{_use(record.api, record.version, record.operation, record.plan, record.application)},"
        f'"subject":{"null" if subject is None else encode_basestring(subject)},'
        f'"client_address":"{record.client_address!s}",'
        f'"bytes_received":{record.bytes_received},"bytes_sent":{record.bytes_sent},'
        f'"duration":{record.duration:.6f},"endpoint_duration":{record.endpoint_duration:.6f}'
        f"{_error(record) if record.error_key is not None else ''}}}\n"
    )


def _error(record: Record) -> str:
    detail = record.error_detail
    return (
        f',"error_key":{_text(record.error_key)},"error_code":{_text(record.error_code)},'
        f'"error_detail":{"null" if detail is None else encode_basestring(detail)},"policy":{_text(record.policy)}'
    )


# What few values stand for in many records is encoded once; each cache is bounded.


@lru_cache(maxsize=4096)
def _use(api: str | None, version: str | None, operation: str | None, plan: str | None, application: str | None) -> str:
    members = {"api": api, "version": version, "operation": operation, "plan": plan, "application": application}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))[1:-1]


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(maxsize=4096)
def _text(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)
