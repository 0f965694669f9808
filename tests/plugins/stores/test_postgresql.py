"""What only a store in PostgreSQL does: transactions that commit late, replication, servers that restart."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from apim_sdk import Duration, Secret
from apim_sdk.testing.context import FakeContext, started
from apim_stores import postgresql_server as module
from apim_stores.postgresql import PostgreSQL
from apim_stores.tls import TLS
from support.authority import make_certificates
from support.postgresql import PostgreSQLProcess, execute
from support.store_servers import postgresql_schema
from support.stores import Space, eventually, following


@pytest.fixture
def server() -> Iterator[PostgreSQLProcess]:
    """A server of the test's own, started."""
    server = PostgreSQLProcess(wal_level="logical")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def url(postgresql_server: PostgreSQLProcess) -> Secret:
    """An empty schema of the server that all tests share."""
    return postgresql_schema(postgresql_server)


INSERT = "INSERT INTO apim_entries VALUES ($1, $2)"


# Transactions


def test_changes_that_become_visible_in_another_order_than_they_were_made_are_all_told_once(url: Secret) -> None:
    async def scenario() -> Any:
        async with started(PostgreSQL(url)) as store, following(store) as follower:
            early, late = [await asyncpg.connect(url.reveal()) for _ in range(2)]
            try:
                transaction = early.transaction()
                await transaction.start()
                await early.execute(INSERT, b"early", b"1")
                await late.execute(INSERT, b"late", b"1")
                await follower.until(lambda each: "late" in each.values)
                await store.put("later", b"1")
                await follower.until(lambda each: "later" in each.values)
                assert "early" not in follower.values
                await transaction.commit()
                await follower.until(lambda each: "early" in each.values)
            finally:
                await early.close()
                await late.close()
            return follower.changes, follower.firsts

    assert ([("late", b"1"), ("later", b"1"), ("early", b"1")], 1) == asyncio.run(scenario())


def test_a_change_of_a_transaction_that_is_rolled_back_is_not_told(url: Secret) -> None:
    async def scenario() -> Any:
        async with started(PostgreSQL(url)) as store, following(store) as follower:
            connection = await asyncpg.connect(url.reveal())
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(INSERT, b"never", b"1")
            await transaction.rollback()
            await connection.close()
            await store.put("last", b"1")
            await follower.until(lambda each: "last" in each.values)
            return follower.changes

    assert [("last", b"1")] == asyncio.run(scenario())


def test_two_writers_at_once_and_a_transaction_that_lasts_leave_no_gap(url: Secret) -> None:
    async def write(store: Any, name: str) -> None:
        for number in range(200):
            await store.put(f"{name}/{number}", b"1")

    async def hold(number: int) -> None:
        connection = await asyncpg.connect(url.reveal())
        try:
            async with connection.transaction():
                await connection.execute(INSERT, b"held/%d" % number, b"1")
                await connection.execute("SELECT pg_sleep(0.05)")
        finally:
            await connection.close()

    async def scenario() -> Any:
        async with Space("", lambda: PostgreSQL(url)).opened(3) as (one, other, third), following(third) as follower:
            await asyncio.gather(write(one, "one"), write(other, "other"), *[hold(number) for number in range(20)])
            await follower.until(lambda each: len(each.values) == 420)
            told = [key for key, _ in follower.changes]
            return len(told), [key for key in told if key.startswith("one/")], follower.firsts

    assert (420, [f"one/{number}" for number in range(200)], 1) == asyncio.run(scenario())


def test_many_changes_at_once_are_read_anew_in_pages(url: Secret) -> None:
    async def scenario() -> Any:
        async with started(PostgreSQL(url)) as store, following(store) as follower:
            bulk = "INSERT INTO apim_entries SELECT convert_to('k' || n, 'UTF8'), 'v' FROM generate_series(1, 10001) n"
            await execute(url.reveal(), bulk)
            await follower.until(lambda each: len(each.values) == 10_001)
            return follower.firsts

    assert 2 == asyncio.run(scenario())


def test_changes_of_somebody_else_who_notifies_nobody_are_told_within_a_second(url: Secret) -> None:
    async def scenario() -> bool:
        async with started(PostgreSQL(url)) as store, following(store) as follower:
            await execute(url.reveal(), "INSERT INTO apim_entries VALUES ('a', '1')")
            return await follower.until(lambda each: "a" in each.values) < 1.0

    assert asyncio.run(scenario())


# The log


def test_the_log_is_trimmed_and_a_follower_that_did_not_look_for_long_begins_again(
    url: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT", 0.5)
    monkeypatch.setattr(module, "_TRIM", 0.1)

    async def scenario() -> Any:
        async with started(PostgreSQL(url)) as store:
            batches = store.follow("")
            first = (await anext(batches)).first
            await store.put("a", b"1")

            async def trimmed() -> bool:
                return (await execute(url.reveal(), "SELECT count(*) FROM apim_changes"))[0][0] == 0

            await eventually(trimmed)
            batch = await anext(batches)
            await batches.aclose()
            return first, batch.first, batch.changes[0].key

    assert (True, True, "a") == asyncio.run(scenario())


def test_what_has_expired_leaves_the_table(url: Secret) -> None:
    async def scenario() -> None:
        async with started(PostgreSQL(url)) as store:
            await store.put("a", b"1", expires_in=0.01)

            async def swept() -> bool:
                return (await execute(url.reveal(), "SELECT count(*) FROM apim_entries"))[0][0] == 0

            await eventually(swept)

    asyncio.run(scenario())


def test_what_replication_applies_is_told_to_followers_of_the_replica(server: PostgreSQLProcess) -> None:
    async def scenario() -> Any:
        await execute(server.url, "CREATE DATABASE other")
        other_url = server.url.replace("/postgres", "/other")
        here, there = PostgreSQL(Secret(server.url)), PostgreSQL(Secret(other_url))
        async with started(here) as one, started(there) as other, following(other) as follower:
            await execute(
                server.url,
                "CREATE PUBLICATION apim FOR TABLE apim_entries",
                "SELECT pg_create_logical_replication_slot('apim', 'pgoutput')",
            )
            await execute(
                other_url,
                f"CREATE SUBSCRIPTION apim CONNECTION 'host=127.0.0.1 port={server.port} user=apim dbname=postgres' "
                "PUBLICATION apim WITH (create_slot = false, slot_name = 'apim')",
            )
            try:
                await one.put("a", b"1")
                await follower.until(lambda each: each.values == {"a": b"1"}, 30)
                await one.put("a", b"2")
                await follower.until(lambda each: each.values == {"a": b"2"})
                await one.delete("a")
                await follower.until(lambda each: each.values == {})
                return follower.firsts
            finally:
                await execute(other_url, "ALTER SUBSCRIPTION apim DISABLE")
                await execute(other_url, "ALTER SUBSCRIPTION apim SET (slot_name = NONE)", "DROP SUBSCRIPTION apim")

    assert 1 == asyncio.run(scenario())


# Away


def test_a_start_does_not_wait_for_a_server_that_is_away_and_says_so(server: PostgreSQLProcess) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        async with started(PostgreSQL(Secret(server.url)), context) as store:
            with pytest.raises(OSError, match="Connect call failed"):
                await store.get("a")
            with pytest.raises(OSError, match="Connect call failed"):
                await anext(store.follow(""))
            events = [(line.level, line.event) for line in context.log.lines]
            await asyncio.to_thread(server.start)
            await store.put("a", b"1")
            return events, await store.get("a")

    server.stop()
    assert ([("warning", "A store is away at the start")], b"1") == asyncio.run(scenario())


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["crash", "fast shutdown"])
def test_a_follower_goes_on_within_a_second_after_the_server_was_restarted(
    server: PostgreSQLProcess, how: signal.Signals
) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        async with started(PostgreSQL(Secret(server.url)), context) as store, following(store) as follower:
            await store.put("a", b"1")
            await store.put("b", b"1")
            await follower.until(lambda each: "b" in each.values)
            await asyncio.to_thread(server.stop, how)
            with pytest.raises(OSError):  # noqa: PT011  # the connection may break, or there is none
                await store.get("a")
            await asyncio.to_thread(server.start)
            await store.delete("a")
            await store.put("c", b"2")
            seconds = await follower.until(lambda each: each.values == {"b": b"1", "c": b"2"})
            return seconds < 1.5, follower.firsts, {line.event for line in context.log.lines}

    quick, firsts, events = asyncio.run(scenario())
    assert quick
    assert 2 == firsts
    assert events <= {"A store is away; changes are not seen until it is back"}


def test_a_connection_that_is_no_longer_in_step_is_a_server_that_is_away(
    url: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As asyncpg has it where the server takes its leave just when something is asked; that moment cannot be hit."""

    asked = []
    both = asyncio.Event()
    """Whether we have asked, and the follower."""

    async def fetch(*arguments: Any) -> Any:
        asked.append(arguments)
        if len(asked) > 1:
            both.set()
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    async def scenario() -> Any:
        async with started(PostgreSQL(url)) as store, following(store) as follower:
            await store.put("a", b"1")
            await follower.until(lambda each: "a" in each.values)
            with monkeypatch.context() as broken:
                broken.setattr(asyncpg.Connection, "fetch", fetch)
                with pytest.raises(ConnectionError, match="another operation"):
                    await store.get("a")
                async with asyncio.timeout(10):
                    await both.wait()
            await store.put("b", b"2")
            await follower.until(lambda each: each.values == {"a": b"1", "b": b"2"})

    asyncio.run(scenario())


def test_a_server_that_does_not_answer_is_away_after_the_time_out(url: Secret) -> None:
    async def scenario() -> float:
        settings = PostgreSQL(url, timeout=Duration("500ms"))
        async with started(settings) as store:
            await store.put("a", b"1")
            connection = await asyncpg.connect(url.reveal())
            try:
                async with connection.transaction():
                    await connection.execute("LOCK TABLE apim_entries IN ACCESS EXCLUSIVE MODE")
                    start = time.monotonic()
                    with pytest.raises(TimeoutError, match=r"PostgreSQL has not answered within 0\.5 s"):
                        await store.get("a")
                    seconds = time.monotonic() - start
            finally:
                await connection.close()
            assert b"1" == await store.get("a")
            return seconds

    assert 0.49 < asyncio.run(scenario()) < 3.0


def test_connections_are_bounded(url: Secret) -> None:
    async def scenario() -> int:
        async with started(PostgreSQL(url, connections=3, timeout=Duration("30s"))) as store, following(store):
            await asyncio.gather(*[store.put(f"{number}", b"1") for number in range(100)])
            mine = (
                "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port IS NOT NULL "
                "AND (query LIKE '%apim_%' OR query LIKE '%pg_notify%') AND state = 'idle'"
            )
            return (await execute(url.reveal(), mine))[0][0]

    assert 4 >= asyncio.run(scenario())


# The tables


def test_many_that_start_at_once_make_the_tables_once(url: Secret) -> None:
    async def scenario() -> Any:
        async with Space("", lambda: PostgreSQL(url)).opened(1):
            pass
        stores = [PostgreSQL(url, connections=number + 1) for number in range(8)]
        await execute(
            url.reveal(), "DROP TABLE apim_schema, apim_entries, apim_changes", "DROP FUNCTION apim_log_change"
        )
        context = FakeContext()
        await asyncio.gather(*[store.start(context) for store in stores])
        won = await asyncio.gather(*[store.add("a", b"1") for store in stores])
        await context.close()
        return sum(won), context.log.lines

    assert (1, []) == asyncio.run(scenario())


def test_tables_of_a_newer_version_are_refused(url: Secret) -> None:
    async def scenario() -> None:
        async with started(PostgreSQL(url)):
            await execute(url.reveal(), "UPDATE apim_schema SET version = 2")
        with pytest.raises(ConnectionError, match="version 2 of the store's schema, which a newer apim made"):
            async with started(PostgreSQL(url)):
                pass

    asyncio.run(scenario())


def test_a_role_that_may_not_make_tables_will_do_once_they_are_there(
    url: Secret, postgresql_server: PostgreSQLProcess
) -> None:
    schema = url.reveal().rpartition("=")[2]
    role = f"role_{schema}"

    async def scenario() -> Any:
        async with started(PostgreSQL(url)):
            pass
        await execute(
            url.reveal(),
            f"CREATE ROLE {role} LOGIN",
            f"GRANT USAGE ON SCHEMA {schema} TO {role}",
            f"GRANT SELECT ON apim_schema TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON apim_entries, apim_changes TO {role}",
        )
        limited = Secret(url.reveal().replace("//apim@", f"//{role}@"))
        async with started(PostgreSQL(limited)) as store, following(store) as follower:
            await store.put("a", b"1")
            await follower.until(lambda each: each.values == {"a": b"1"})
            return await store.take("a")

    assert b"1" == asyncio.run(scenario())


# Who may


@pytest.mark.parametrize("trusted", [True, False])
def test_the_certificate_of_the_server_is_checked(tmp_path: Path, trusted: bool) -> None:
    made = make_certificates(tmp_path)
    server = PostgreSQLProcess(ssl="on")
    server.own("certificate.pem", made.certificate.read_bytes())
    server.own("key.pem", made.key.read_bytes())
    server.settings |= {
        "ssl_cert_file": str(server.folder / "certificate.pem"),
        "ssl_key_file": str(server.folder / "key.pem"),
    }

    async def scenario() -> Any:
        url = Secret(server.url.replace("127.0.0.1", "localhost"))
        async with started(PostgreSQL(url, tls=TLS(ca=made.ca if trusted else None))) as store:
            if not trusted:
                with pytest.raises(OSError, match="certificate verify failed"):
                    await store.get("a")
                return False
            await store.put("a", b"1")
            mine = "SELECT bool_or(ssl) FROM pg_stat_ssl"
            return (await execute(server.url, mine))[0][0]

    try:
        server.start()
        assert trusted == asyncio.run(scenario())
    finally:
        server.remove()


def test_a_wrong_user_is_told_and_the_password_not_shown(postgresql_server: PostgreSQLProcess) -> None:
    async def scenario() -> str:
        context = FakeContext()
        url = Secret(postgresql_server.url.replace("apim@", "nobody-knows:open-sesame@"))
        async with started(PostgreSQL(url), context) as store:
            with pytest.raises(ConnectionError, match='role "nobody-knows" does not exist') as raised:
                await store.get("a")
            return f"{raised.value} {raised.value!r} {context.log.lines} {store!r}"

    assert "open-sesame" not in asyncio.run(scenario())


@pytest.mark.parametrize("url", ["mysql://127.0.0.1/apim", "127.0.0.1:5432", ""])
def test_what_is_no_url_of_a_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write postgresql://"):
        PostgreSQL(Secret(url))
