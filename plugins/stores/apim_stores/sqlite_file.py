"""A store in an SQLite file: its statements, its change log, and the two threads that run them.

One thread writes and one reads, each on a connection of its own: in WAL mode reading does not wait for writing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from apim_sdk import Change, Clock

from apim_stores.backend import Backend
from apim_stores.following import News, Page
from apim_stores.keys import key_bytes, span_of
from apim_stores.sqlite_schema import connect, prepare
from apim_stores.sqlite_thread import ConnectionThread

__all__ = ["SQLiteFile"]

_SWEEP: Final = 0.25
"""Seconds after which values that have expired are removed."""
_PAGE: Final = 500
"""How many values, or changes, are read at once."""
_SWEPT_AT_ONCE: Final = 10_000
"""How many expired values are removed at once."""

_GET: Final = "SELECT value FROM entries WHERE key = :key AND (expires IS NULL OR expires > :now)"
_PUT: Final = """
INSERT INTO entries VALUES (:key, :value, :expires)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""
_ADD: Final = """
INSERT INTO entries VALUES (:key, :value, :expires)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE entries.expires <= :now
"""
_REPLACE: Final = """
UPDATE entries SET value = :value, expires = :expires
WHERE key = :key AND value = :old AND (expires IS NULL OR expires > :now)
"""
_TAKE: Final = "DELETE FROM entries WHERE key = :key AND (expires IS NULL OR expires > :now) RETURNING value"
_DELETE: Final = "DELETE FROM entries WHERE key = :key"
_SCAN: Final = """
SELECT key, value FROM entries
WHERE key > :after AND key >= :first AND key < :end AND (expires IS NULL OR expires > :now)
ORDER BY key LIMIT :page
"""
_EXPIRED: Final = "SELECT 1 FROM entries WHERE expires <= :now LIMIT 1"
_SWEEP_OUT: Final = """
DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE expires <= :now ORDER BY expires LIMIT :page)
"""
_ENDS: Final = "SELECT ifnull((SELECT min(position) FROM changes), 1), ifnull((SELECT max(position) FROM changes), 0)"
_NEWS: Final = """
SELECT key, position FROM changes WHERE position > :position AND key >= :first AND key < :end
ORDER BY position LIMIT :page
"""
_TRIM: Final = "DELETE FROM changes WHERE position <= :position"


class SQLiteFile(Backend[int]):
    """Values in a file. Shared by all snapshots of a process; belongs to one event loop."""

    poll = 0.1  # other processes do not wake us

    def __init__(self, path: Path, clock: Clock, busy_timeout: float, durable: bool, log_size: int) -> None:
        super().__init__()
        self._path = path
        self._clock = clock
        self._busy_timeout = busy_timeout
        self._durable = durable
        self._log_size = log_size
        self._swept = 0.0
        self._writer = ConnectionThread(
            f"sqlite writer of {path.name}", self._open, "BEGIN IMMEDIATE", self._sweep, _SWEEP, self.wake
        )
        self._reader = ConnectionThread(f"sqlite reader of {path.name}", self._connect, "BEGIN")

    async def open(self) -> SQLiteFile:
        """Open the file. Raises OSError where that fails, ValueError where it is not a store's."""
        await self._writer.start()
        try:
            await self._reader.start()
        except BaseException:
            await self._writer.aclose()
            raise
        return self

    async def aclose(self) -> None:
        """Finish what is being written, and close the file."""
        await self._reader.aclose()
        await self._writer.aclose()

    async def get(self, key: str) -> bytes | None:
        return await self._reader.run(lambda connection: self._value(connection, key_bytes(key)))

    async def put(self, key: str, value: bytes, expires_in: float | None) -> None:
        await self._write(_PUT, key=key_bytes(key), value=value, expires=self._until(expires_in))

    async def add(self, key: str, value: bytes, expires_in: float | None) -> bool:
        return await self._write(_ADD, key=key_bytes(key), value=value, expires=self._until(expires_in)) == 1

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None) -> bool:
        expires = self._until(expires_in)
        return await self._write(_REPLACE, key=key_bytes(key), old=old, value=new, expires=expires) == 1

    async def take(self, key: str) -> bytes | None:
        values = {"key": key_bytes(key)}

        def take(connection: sqlite3.Connection) -> bytes | None:
            rows = connection.execute(_TAKE, {**values, "now": self._clock.now()}).fetchall()
            return rows[0][0] if rows else None

        return await self._writer.run(take)

    async def delete(self, key: str) -> None:
        await self._write(_DELETE, key=key_bytes(key))

    async def end(self) -> int:
        return (await self._reader.run(_ends))[1]

    async def pages(self, prefix: str) -> AsyncGenerator[Page, None]:
        first, end = span_of(prefix)
        after, last = b"", False
        while not last:
            values = {"first": first, "end": end, "after": after, "page": _PAGE, "now": self._clock.now()}
            rows = await self._reader.run(partial(_rows, _SCAN, values))
            last = len(rows) < _PAGE
            yield Page(tuple([Change(key.decode(), value) for key, value in rows]), last)
            after = rows[-1][0] if rows else after

    async def news(self, position: int, prefix: str) -> News[int] | None:
        first, end = span_of(prefix)
        values = {"position": position, "first": first, "end": end, "page": _PAGE}

        def read(connection: sqlite3.Connection) -> News[int] | None:
            oldest, newest = _ends(connection)
            if newest == position:
                return News((), position)
            if position < oldest - 1 or position > newest:
                return None
            rows = _rows(_NEWS, values, connection)
            latest: dict[bytes, bytes | None] = {}
            for key, _ in rows:
                latest.pop(key, None)  # a key stands where it changed last
                latest[key] = self._value(connection, key)
            more = len(rows) == _PAGE
            changes = tuple([Change(key.decode(), value) for key, value in latest.items()])
            return News(changes, rows[-1][1] if more else newest, more)

        return await self._reader.run(read)

    def _connect(self) -> sqlite3.Connection:
        return connect(self._path, self._busy_timeout, self._durable)

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        try:
            prepare(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _until(self, expires_in: float | None) -> float | None:
        return None if expires_in is None else self._clock.now() + expires_in

    def _value(self, connection: sqlite3.Connection, key: bytes) -> bytes | None:
        row = connection.execute(_GET, {"key": key, "now": self._clock.now()}).fetchone()
        return None if row is None else row[0]

    async def _write(self, statement: str, **values: Any) -> int:
        """How many rows a statement has written."""
        return await self._writer.run(
            lambda connection: connection.execute(statement, {**values, "now": self._clock.now()}).rowcount
        )

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Remove what has expired, and what the log holds too much. Runs in the writer's thread."""
        if time.monotonic() < self._swept + _SWEEP:
            return
        values = {"now": self._clock.now(), "page": _SWEPT_AT_ONCE}
        if connection.execute(_EXPIRED, values).fetchone():
            connection.execute(_SWEEP_OUT, values)
        oldest, newest = _ends(connection)
        if newest - oldest > self._log_size:
            connection.execute(_TRIM, {"position": newest - self._log_size})
        self._swept = time.monotonic()


def _ends(connection: sqlite3.Connection) -> tuple[int, int]:
    """The oldest position in the log, and the newest."""
    oldest, newest = connection.execute(_ENDS).fetchone()
    return oldest, newest


def _rows(statement: str, values: Mapping[str, Any], connection: sqlite3.Connection) -> list[Any]:
    return connection.execute(statement, values).fetchall()
