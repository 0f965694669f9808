"""A thread that owns one SQLite connection, so that no work on it ever blocks the event loop.

Work that waits is done together, in one transaction: under load many writes share one commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

__all__ = ["ConnectionThread"]

Result = TypeVar("Result")

_TOGETHER: Final = 256
"""How many jobs at most share a transaction."""
_MOST_WAITING: Final = 10_000
"""How many jobs may wait; one more is refused."""


@attrs.define(eq=False)
class _Job:
    """Work on the connection, and the future that waits for its outcome."""

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class ConnectionThread:
    """Runs jobs on a connection of its own, in the order in which they came. Belongs to one event loop.

    ``begin`` starts a transaction. ``between`` runs in the thread, outside of transactions, at least every ``interval``
    seconds; ``committed`` runs in the loop after each transaction.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        begin: str,
        between: Callable[[sqlite3.Connection], None] | None = None,
        interval: float | None = None,
        committed: Callable[[], None] | None = None,
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._between = between
        self._interval = interval
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    async def start(self) -> None:
        """Open the connection. Raises what ``connect`` raises."""
        self._thread.start()
        try:
            await self._opened
        except BaseException:
            await self.aclose()
            raise

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What ``work`` answers, done within a transaction. Raises OSError where the file cannot be used."""
        if self._closed:
            raise ConnectionError("the store has been closed")
        if self._jobs.qsize() >= _MOST_WAITING:
            raise TimeoutError(f"{_MOST_WAITING} operations wait for the store already")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put(_Job(work, future))
        if self._closed:  # the thread died at this very moment: whether it has seen the job is not known
            raise ConnectionError("the store's thread has ended")
        return await future

    async def aclose(self) -> None:
        """Do what waits, and close the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # What follows runs in the thread, but for the functions that `_tell` hands to the loop.

    def _live(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # handed to who waits for it
            self._tell(self._settle_opening, error)
            return
        self._tell(self._settle_opening, None)
        try:
            with contextlib.closing(connection):
                self._work(connection)
        finally:
            self._closed = True
            self._tell(self._settle, self._left())

    def _work(self, connection: sqlite3.Connection) -> None:
        """Do what comes, until the thread is to end."""
        ended = False
        while not ended:
            jobs, ended = self._next()
            if jobs:
                self._do(connection, jobs)
                self._tell(self._settle, jobs)
            if self._between is not None:
                with contextlib.suppress(sqlite3.Error):  # it is tried again, and the next job tells what is wrong
                    self._between(connection)

    def _left(self) -> list[_Job]:
        """What will not be done: nothing, unless the thread dies of an error that nobody foresaw."""
        jobs: list[_Job] = []
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.error = ConnectionError("the store's thread has ended")
                    jobs.append(job)
        return jobs

    def _next(self) -> tuple[list[_Job], bool]:
        """What waits, nothing if nothing came within the interval; and whether the thread is to end then."""
        jobs: list[_Job] = []
        with contextlib.suppress(queue.Empty):
            job = self._jobs.get(timeout=self._interval)
            while job is not None:
                if not job.future.cancelled():
                    jobs.append(job)
                if len(jobs) == _TOGETHER:
                    return jobs, False
                job = self._jobs.get_nowait()
            return jobs, True
        return jobs, False

    def _do(self, connection: sqlite3.Connection, jobs: list[_Job]) -> None:
        """Do the jobs in one transaction; where one fails, each in one of its own."""
        try:
            connection.execute(self._begin)
        except sqlite3.Error as error:
            for job in jobs:
                job.error = _as_os_error(error)
            return
        try:
            for job in jobs:
                job.result = job.work(connection)
            connection.execute("COMMIT")
        except Exception as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if len(jobs) > 1:
                for job in jobs:
                    self._do(connection, [job])
            else:
                jobs[0].error = _as_os_error(error) if isinstance(error, sqlite3.Error) else error

    def _tell(self, settle: Callable[[Any], None], outcome: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(settle, outcome)

    def _settle_opening(self, error: BaseException | None) -> None:
        if self._opened.done():
            return
        if error is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(_as_os_error(error) if isinstance(error, sqlite3.Error) else error)

    def _settle(self, jobs: list[_Job]) -> None:
        for job in jobs:
            if job.future.cancelled():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)
        if self._committed is not None:
            self._committed()


def _as_os_error(error: sqlite3.Error) -> OSError:
    """What the contract of a store raises where SQLite raises this."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what SQLite's extended codes add
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TimeoutError(f"another process holds the store's file for too long: {error}")
    return ConnectionError(f"the store's file cannot be used: {error}")
