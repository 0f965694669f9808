"""What only a store in a file does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Duration, Store
from apim_sdk.testing.context import FakeContext, started
from apim_stores.sqlite import SQLite
from support.stores import RealClock, Space, following

PROGRAM = """
import asyncio, sys
from pathlib import Path
from apim_sdk.testing.context import FakeContext, started
from apim_stores.sqlite import SQLite
from support.stores import RealClock

async def main(path, name):
    async with started(SQLite(Path(path)), FakeContext(clock=RealClock())) as store:
{body}

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


@contextlib.contextmanager
def process(path: Path, body: str, name: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process that runs statements on the store of a file, line by line on its standard output."""
    program = PROGRAM.format(body=textwrap.indent(textwrap.dedent(body), " " * 8))
    tests = str(Path(__file__).parents[2])
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(path), name],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([tests, *sys.path])},
    )
    try:
        yield running
        assert 0 == running.wait(60)
    finally:
        running.kill()
        running.communicate()


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_values_last_over_a_restart(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            await store.put("a", b"1")
        async with started(SQLite(tmp_path / "apim.db")) as store:
            return await store.get("a")

    assert b"1" == asyncio.run(scenario())


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async def scenario() -> dict[str, int]:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            await store.put("a", b"1")
            return modes(tmp_path)

    assert {"apim.db": 0o600, "apim.db-wal": 0o600, "apim.db-shm": 0o600} == asyncio.run(scenario())


def test_a_reload_keeps_the_connection_and_its_end_closes_it(tmp_path: Path) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        before, after = SQLite(tmp_path / "apim.db"), SQLite(tmp_path / "apim.db")
        await before.start(context)
        async with started(after, context):
            shared = before._backend is after._backend
        with pytest.raises(ConnectionError, match="the store has been closed"):
            await after.get("a")
        return shared, modes(tmp_path)

    assert (True, {"apim.db": 0o600}) == asyncio.run(scenario())


# Several processes


def test_of_many_processes_exactly_one_adds_a_key(tmp_path: Path) -> None:
    body = """
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(200):
            if await store.add(f"key/{number}", name.encode()):
                print(number, flush=True)
    """
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(process(tmp_path / "apim.db", body, f"{n}")) for n in range(4)]
        for other in others:
            assert other.stdout is not None
            assert "ready\n" == other.stdout.readline()
        for other in others:
            assert other.stdin is not None
            other.stdin.write("go\n")
            other.stdin.flush()
        won = [int(line) for other in others for line in other.stdout or ()]

    assert list(range(200)) == sorted(won)


def test_a_follower_sees_what_another_process_does_in_order_within_a_second(tmp_path: Path) -> None:
    body = """
        sys.stdin.readline()
        for number in range(100):
            await store.put(f"key/{number}", b"1")
        await store.put("expires", b"1", expires_in=0.2)
    """

    async def scenario() -> Any:
        space = Space("sqlite", lambda: SQLite(tmp_path / "apim.db"))
        async with space.opened() as (store,), following(store) as follower:
            with process(tmp_path / "apim.db", body) as other:
                assert other.stdin is not None
                other.stdin.write("go\n")
                other.stdin.flush()
                await follower.until(lambda each: len(each.changes) >= 100, 30)
                await follower.until(lambda each: each.changes[-1] == ("expires", None))
            return follower.changes[:100]

    assert [(f"key/{number}", b"1") for number in range(100)] == asyncio.run(scenario())


def test_what_a_process_has_written_outlasts_its_being_killed(tmp_path: Path) -> None:
    body = """
        for number in range(100_000):
            await store.put(f"key/{number}", str(number).encode() * 100)
            print(number, flush=True)
    """
    with process(tmp_path / "apim.db", body) as other:
        assert other.stdout is not None
        written = [other.stdout.readline() for _ in range(50)]
        other.send_signal(signal.SIGKILL)
        written += other.stdout.readlines()
        other.wait()
        other.returncode = 0

    async def scenario() -> Any:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            found = {key: value async for key, value in store.scan("")}
            return found, await store.add("key/0", b""), await store.add("after", b"1")

    found, again, after = asyncio.run(scenario())
    last = int([line for line in written if line.endswith("\n")][-1])
    assert 49 <= last
    assert {f"key/{number}" for number in range(last + 1)} <= set(found)
    assert all(str(int(key[4:])).encode() * 100 == value for key, value in found.items())
    assert (False, True) == (again, after)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """A file that somebody else is writing to."""
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


def test_while_another_process_writes_for_long_reading_goes_on_and_a_write_times_out(tmp_path: Path) -> None:
    async def scenario() -> Any:
        settings = SQLite(tmp_path / "apim.db", busy_timeout=Duration("1s"))
        async with started(settings) as store:
            await store.put("a", b"1")
            with locked(tmp_path / "apim.db"):
                write = asyncio.ensure_future(store.put("a", b"2"))
                start, longest = time.monotonic(), 0.0
                while not write.done():
                    turn = time.monotonic()
                    assert b"1" == await store.get("a")
                    longest = max(longest, time.monotonic() - turn)
                with pytest.raises(TimeoutError, match="another process holds the store's file"):
                    await write
                blocked = time.monotonic() - start
            await store.put("a", b"3")
            return blocked >= 1.0, longest < 0.5, await store.get("a")

    assert (True, True, b"3") == asyncio.run(scenario())


# The log


def test_the_log_is_bounded_and_a_follower_that_fell_behind_begins_again(tmp_path: Path) -> None:
    async def scenario() -> Any:
        path = tmp_path / "apim.db"
        async with started(SQLite(path, changes=100), FakeContext(clock=RealClock())) as store:
            batches = store.follow("")
            kinds = [(await anext(batches)).first]
            for number in range(1000):
                await store.put(f"{number % 3}", b"%d" % number)
            while logged(path) > 101:
                await asyncio.sleep(0.01)
            batch = await anext(batches)
            await batches.aclose()
            return kinds, batch.first, sorted(change.value for change in batch.changes)

    assert ([True], True, [b"997", b"998", b"999"]) == asyncio.run(scenario())


def logged(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM changes").fetchone()[0]


def test_what_has_expired_leaves_the_file(tmp_path: Path) -> None:
    def kept() -> int:
        with contextlib.closing(sqlite3.connect(tmp_path / "apim.db")) as connection:
            return connection.execute("SELECT count(*) FROM entries").fetchone()[0]

    async def scenario() -> int:
        context = FakeContext()
        async with started(SQLite(tmp_path / "apim.db"), context) as store:
            await asyncio.gather(*[store.put(f"{number}", b"1", expires_in=60) for number in range(500)])
            before = kept()
            context.clock.advance(60)
            while kept():
                await asyncio.sleep(0.01)
            return before

    assert 500 == asyncio.run(scenario())


# Files that are no good


def opened(path: Path) -> None:
    async def scenario() -> None:
        async with started(SQLite(path)):
            pass

    asyncio.run(scenario())


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "apim.db"
    opened(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = path.read_bytes()

    with pytest.raises(ValueError, match=r"apim\.db has version 2 of the store's schema, .* upgrade apim"):
        opened(path)
    assert before == path.read_bytes()


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE entries (name TEXT)")

    with pytest.raises(ValueError, match="SQLite file of another program"):
        opened(tmp_path / "other.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("This is no database. " * 100)

    with pytest.raises(ConnectionError, match="file is not a database"):
        opened(tmp_path / "text")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        opened(tmp_path / "missing" / "apim.db")


def test_a_write_that_fails_does_not_take_those_beside_it_along(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            too_large: Any = "no bytes, and no text that SQLite takes: \ud800"
            writes = [store.put("a", b"1"), store.put("b", too_large), store.put("c", b"3")]
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
            return [type(outcome).__name__ for outcome in outcomes], await store.get("a"), await store.get("c")

    assert (["NoneType", "UnicodeEncodeError", "NoneType"], b"1", b"3") == asyncio.run(scenario())


def test_a_write_that_nobody_waits_for_any_more_is_not_done(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with started(SQLite(tmp_path / "apim.db")) as store:
            await store.put("a", b"1")
            with locked(tmp_path / "apim.db"):
                first: asyncio.Task[Any] = asyncio.create_task(store.put("b", b"1"))
                await asyncio.sleep(0)
                await store.get("a")  # by now the writer waits for the lock
                second = asyncio.create_task(store.take("a"))
                await asyncio.sleep(0)
                second.cancel()
                await asyncio.gather(second, return_exceptions=True)
            await first
            return await store.get("a"), await store.get("b")

    assert (b"1", b"1") == asyncio.run(scenario())


def test_a_thread_that_dies_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # else pytest tells of it

    class BrokenClock(RealClock):
        broken = False

        def now(self) -> float:
            if self.broken:
                raise RuntimeError("no time is left")
            return super().now()

    async def scenario() -> Any:
        clock = BrokenClock()
        async with started(SQLite(tmp_path / "apim.db"), FakeContext(clock=clock)) as store:
            await store.put("a", b"1")
            clock.broken = True
            while True:
                try:
                    await asyncio.wait_for(store.delete("a"), 5)
                except ConnectionError as error:
                    return str(error)
                except RuntimeError:
                    await asyncio.sleep(0.01)

    assert asyncio.run(scenario()) in ("the store's thread has ended", "the store has been closed")


def test_stores_of_one_file_in_one_process_see_each_other(tmp_path: Path) -> None:
    async def scenario(one: Store, other: Store) -> Any:
        await one.put("a", b"1")
        return await other.get("a")

    async def run() -> Any:
        async with started(SQLite(tmp_path / "apim.db")) as one, started(SQLite(tmp_path / "apim.db")) as other:
            return await scenario(one, other)

    assert b"1" == asyncio.run(run())
