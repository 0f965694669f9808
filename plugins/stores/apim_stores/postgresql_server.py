"""A store in a PostgreSQL database.

A position in the log is a snapshot of PostgreSQL: which transactions had ended when it was taken. News are the changes
of those that have ended since. So nothing is missed and nothing told twice, in whatever order transactions commit; a
count could not do that, for a transaction may take its number early and commit late.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
import attrs
from apim_sdk import Change

from apim_stores.backend import Backend
from apim_stores.following import News, Page
from apim_stores.keys import key_bytes, span_of
from apim_stores.postgresql_schema import prepare

__all__ = ["PostgreSQLServer"]

_PAGE: Final = 500
"""How many values are read at once."""
_MOST_NEWS: Final = 10_000
"""How many changes are read at once; if there are more, all is read anew, in pages."""
_SWEEP: Final = 0.5
"""Seconds after which it is looked for values that have expired."""
_SWEPT_AT_ONCE: Final = 10_000
"""How many expired values are removed at once."""
_TRIM: Final = 10.0
"""Seconds after which the log is trimmed."""
_KEPT: Final = 60.0
"""For how many seconds at least the log holds what has been committed."""
_BREATH: Final = 0.05
"""Seconds between two notifications: commits that notify wait for one another, so writes do not notify themselves."""
_FAREWELL: Final = 1.0
"""Seconds that connections get to be closed in order."""
_CHANNEL: Final = "apim_changes"
_LONGEST_LIFE: Final = 100 * 365 * 86400.0
"""Seconds; what is to expire later than that expires then."""

_GET: Final = "SELECT value FROM apim_entries WHERE key = $1 AND (expires IS NULL OR expires > now())"
_PUT: Final = """
INSERT INTO apim_entries VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""
_ADD: Final = """
INSERT INTO apim_entries VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE apim_entries.expires <= now()
RETURNING true
"""
_REPLACE: Final = """
UPDATE apim_entries SET value = $2, expires = now() + make_interval(secs => $3)
WHERE key = $1 AND value = $4 AND (expires IS NULL OR expires > now())
RETURNING true
"""
_TAKE: Final = "DELETE FROM apim_entries WHERE key = $1 AND (expires IS NULL OR expires > now()) RETURNING value"
_DELETE: Final = "DELETE FROM apim_entries WHERE key = $1"
_SCAN: Final = """
SELECT key, value FROM apim_entries
WHERE key > $1 AND key >= $2 AND key < $3 AND (expires IS NULL OR expires > now())
ORDER BY key LIMIT $4
"""
_SWEEP_OUT: Final = """
DELETE FROM apim_entries WHERE key IN
    (SELECT key FROM apim_entries WHERE expires <= now() ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING true
"""
_END: Final = "SELECT pg_current_snapshot()::text"
_NEWS: Final = """
SELECT pg_current_snapshot()::text AS position, news.key, entries.value
FROM (SELECT) AS always
LEFT JOIN (
    SELECT DISTINCT ON (key) key, transaction FROM apim_changes
    WHERE transaction >= pg_snapshot_xmin($1::text::pg_snapshot)
        AND NOT pg_visible_in_snapshot(transaction, $1::text::pg_snapshot)
        AND key >= $2 AND key < $3
    ORDER BY key, transaction DESC
    LIMIT $4
) AS news ON true
LEFT JOIN apim_entries AS entries
    ON entries.key = news.key AND (entries.expires IS NULL OR entries.expires > now())
ORDER BY news.transaction
"""
_OLDEST: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_TRIM_LOG: Final = "DELETE FROM apim_changes WHERE transaction < $1::text::xid8"
_FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises; the last of them where a server that shuts down says so while a question begins."""


@attrs.frozen
class Position:
    """A snapshot of the server, as text; it means something on the connection that it was taken on.

    ``taken`` is when, in seconds of the monotonic clock.
    """

    connection: Any
    snapshot: str
    taken: float


class PostgreSQLServer(Backend[Position]):
    """Values in a database. Shared by all snapshots of a process; belongs to one event loop."""

    poll = 0.5  # for changes whose notification was lost, and those of a replicated database

    def __init__(self, url: str, tls: ssl.SSLContext | None, timeout: float, connections: int) -> None:
        super().__init__()
        self._timeout = timeout
        self._settings: dict[str, Any] = {"dsn": url, "timeout": timeout, "command_timeout": timeout}
        if tls is not None:
            self._settings["ssl"] = tls
        self._pool = asyncpg.create_pool(min_size=0, max_size=connections, reset=_keep, **self._settings)
        self._prepared = False
        self._listening: Any = None
        self._reading = asyncio.Lock()  # a connection does one thing at a time
        self._changed = asyncio.Event()
        self._trimmed = 0.0
        self._oldest: deque[tuple[float, str]] = deque()  # when (monotonic), and the oldest transaction that ran then
        work = (("sweep", self._keep_swept()), ("notify", self._keep_notified()))
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(each, name=f"postgresql {name}") for name, each in work]

    async def open(self) -> PostgreSQLServer:
        """Make ready to connect; nothing is sent yet."""
        await self._pool
        return self

    async def aclose(self) -> None:
        """End what runs, and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listening is not None:
            self._listening.terminate()
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def ping(self) -> None:
        """Have the server answer. Raises OSError; SchemaError where its tables are of another version."""
        await self._fetch("SELECT 1")

    async def get(self, key: str) -> bytes | None:
        return _value(await self._fetch(_GET, key_bytes(key)))

    async def put(self, key: str, value: bytes, expires_in: float | None) -> None:
        await self._write(_PUT, key, value, _seconds(expires_in))

    async def add(self, key: str, value: bytes, expires_in: float | None) -> bool:
        return bool(await self._write(_ADD, key, value, _seconds(expires_in)))

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None) -> bool:
        return bool(await self._write(_REPLACE, key, new, _seconds(expires_in), old))

    async def take(self, key: str) -> bytes | None:
        return _value(await self._write(_TAKE, key))

    async def delete(self, key: str) -> None:
        await self._write(_DELETE, key)

    async def end(self) -> Position:
        async with self._reading:
            if self._listening is None or self._listening.is_closed():
                self._listening = await self._attempt(self._listen())
            return _position(self._listening, await self._attempt(self._listening.fetchval(_END)))

    async def pages(self, prefix: str) -> AsyncGenerator[Page, None]:
        first, end = span_of(prefix)
        after, last = b"", False
        while not last:
            rows = await self._fetch(_SCAN, after, first, end, _PAGE)
            last = len(rows) < _PAGE
            after = rows[-1]["key"] if rows else after
            yield Page(tuple([Change(row["key"].decode(), row["value"]) for row in rows]), last)

    async def news(self, position: Position, prefix: str) -> News[Position] | None:
        connection = position.connection
        async with self._reading:
            if connection.is_closed() or position.taken + _KEPT / 2 < time.monotonic():
                return None
            found = connection.fetch(_NEWS, position.snapshot, *span_of(prefix), _MOST_NEWS + 1)
            rows = await self._attempt(found)
        if len(rows) > _MOST_NEWS:
            return None
        changes = [Change(row["key"].decode(), row["value"]) for row in rows if row["key"] is not None]
        return News(tuple(changes), _position(connection, rows[0]["position"]))

    async def _write(self, statement: str, key: str, *values: Any) -> Any:
        rows = await self._fetch(statement, key_bytes(key), *values)
        self._tell()
        return rows

    async def _fetch(self, statement: str, *values: Any) -> Any:
        return await self._attempt(self._fetched(statement, values))

    async def _fetched(self, statement: str, values: tuple[Any, ...]) -> Any:
        async with self._pool.acquire() as connection:
            if not self._prepared:
                await prepare(connection)
                self._prepared = True
            return await connection.fetch(statement, *values)

    async def _attempt(self, work: Any) -> Any:
        """What the server answers. Raises OSError where it does not, or where it answers with an error."""
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError as error:
            raise TimeoutError(f"PostgreSQL has not answered within {self._timeout:g} s") from error
        except _FAILURES as error:
            raise ConnectionError(f"PostgreSQL: {error}") from error

    async def _listen(self) -> Any:
        connection = await asyncpg.connect(**self._settings)
        try:
            connection.add_termination_listener(lambda _: self.wake())
            await connection.add_listener(_CHANNEL, lambda *_: self.wake())
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _tell(self) -> None:
        self.wake()
        self._changed.set()

    async def _keep_notified(self) -> None:
        """Tell the followers of other processes."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(OSError):  # they look by themselves after a while
                await self._fetch("SELECT pg_notify($1, '')", _CHANNEL)
            await asyncio.sleep(_BREATH)

    async def _keep_swept(self) -> None:
        """Remove what has expired, and what the log holds for too long."""
        while True:
            with contextlib.suppress(OSError):  # whoever uses the store is told
                if await self._fetch(_SWEEP_OUT, _SWEPT_AT_ONCE):
                    self._tell()
                if time.monotonic() > self._trimmed + _TRIM:
                    await self._trim()
            await asyncio.sleep(_SWEEP)

    async def _trim(self) -> None:
        now = self._trimmed = time.monotonic()
        self._oldest.append((now, (await self._fetch(_OLDEST))[0][0]))
        while len(self._oldest) > 1 and self._oldest[1][0] < now - _KEPT:
            self._oldest.popleft()
        seen, transaction = self._oldest[0]
        if seen < now - _KEPT:
            await self._fetch(_TRIM_LOG, transaction)


async def _keep(connection: Any) -> None:
    """Leave a connection as it is when it goes back to the pool, which saves a question to the server for each call.

    The pool itself has ended a transaction that was left open, and nothing else is ever set.
    """


def _position(connection: Any, snapshot: str) -> Position:
    return Position(connection, snapshot, time.monotonic())


def _value(rows: Any) -> bytes | None:
    return rows[0]["value"] if rows else None


def _seconds(expires_in: float | None) -> float | None:
    return None if expires_in is None else min(float(expires_in), _LONGEST_LIFE)
