"""Threat class 20: what strangers send ends up in keys and values of stores, and never in a query."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from apim_sdk import Secret, Store
from apim_stores.postgresql import PostgreSQL
from apim_stores.redis import Redis
from apim_stores.sqlite import SQLite
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.postgresql import PostgreSQLProcess, execute
from support.redis import RedisProcess
from support.store_servers import postgresql_schema, postgresql_server, redis_server, space
from support.stores import Space, following

__all__ = ["postgresql_server", "redis_server", "space"]

HOSTILE = [
    "'; DROP TABLE entries; --",
    "' OR '1'='1",
    '"; DROP TABLE apim_entries; --',
    "\\'; DELETE FROM apim_entries; --",
    "$1",
    ":key",
    "%(key)s",
    "%",
    "_",
    "*",
    "[a-z]",
    "?",
    "\\",
    "\x00",
    "a\r\nFLUSHALL\r\n",
    "*3\r\n$3\r\nSET\r\n",
    "redis.call('FLUSHALL')",
    "]] redis.call('FLUSHALL') --",
    "{a}b",
    "\U0010ffff",
]
KEYS = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.one_of(KEYS, TEXTS), other=st.one_of(KEYS, TEXTS), value=st.one_of(st.binary(max_size=64)))
@example(key="'; DROP TABLE entries; --", other="*", value=b"'; DROP TABLE apim_entries; --")
@example(key="a*", other="a", value=b"\r\nFLUSHALL\r\n")
def test_no_key_nor_value_is_anything_but_itself(space: Space, key: str, other: str, value: bytes) -> None:
    async def scenario(store: Store) -> None:
        for left in [left async for left, _ in store.scan("")]:
            await store.delete(left)
        await store.put("bystander", b"unharmed")
        async with following(store, key) as follower:
            await store.put(key, value)
            assert value == await store.get(key)
            assert (key == other) == (await store.get(other) is not None)
            expected = {
                one: two for one, two in {"bystander": b"unharmed", key: value}.items() if one.startswith(other)
            }
            assert expected == {one: two async for one, two in store.scan(other)}
            assert not await store.add(key, b"")
            assert await store.replace(key, value, value + b"'")
            await follower.until(lambda each: each.values.get(key) == value + b"'")
            assert value + b"'" == await store.take(key)
            await follower.until(lambda each: key not in each.values)
        assert {"bystander": b"unharmed"} == {one: two async for one, two in store.scan("")}

    async def run() -> None:
        async with space.opened() as (store,):
            await scenario(store)

    if "bystander" not in (key, other):
        asyncio.run(run())


def keep_hostile(store: Space) -> None:
    async def run() -> None:
        async with store.opened() as (opened,):
            for text in HOSTILE:
                await opened.put(text, text.encode())
                await opened.replace(text, text.encode(), text.encode())
                [_ async for _ in opened.scan(text)]
                await opened.take(text)

    asyncio.run(run())


def test_the_tables_of_a_file_stay_what_they_are(tmp_path: Path) -> None:
    def tables() -> list[tuple[str, ...]]:
        with sqlite3.connect(tmp_path / "apim.db") as connection:
            found = connection.execute("SELECT name, sql FROM sqlite_schema").fetchall()
        connection.close()
        return found

    file = Space("sqlite", lambda: SQLite(tmp_path / "apim.db"))

    async def make() -> None:
        async with file.opened():
            pass

    asyncio.run(make())
    before = tables()
    keep_hostile(file)

    assert before == tables()


def test_the_tables_of_a_database_stay_what_they_are(postgresql_server: PostgreSQLProcess) -> None:
    url = postgresql_schema(postgresql_server)
    keep_hostile(Space("postgresql", lambda: PostgreSQL(url)))

    names = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
    found = asyncio.run(execute(url.reveal(), names))
    assert ["apim_changes", "apim_entries", "apim_schema"] == [row["table_name"] for row in found]


def test_nothing_beside_the_keys_of_the_store_is_touched_in_redis(redis_server: RedisProcess) -> None:
    redis_server.send("SET bystander unharmed")
    keep_hostile(Space("redis", lambda: Redis(Secret(redis_server.url), prefix="hostile:")))

    assert "$8\r\nunharmed\r\n" == redis_server.send("GET bystander")


@pytest.mark.parametrize("prefix", ["*", "[a]", "'"])
def test_a_prefix_of_two_stores_keeps_them_apart(redis_server: RedisProcess, prefix: str) -> None:
    async def run() -> bytes | None:
        one = Space("redis", lambda: Redis(Secret(redis_server.url), prefix=prefix))
        other = Space("redis", lambda: Redis(Secret(redis_server.url), prefix="a"))
        async with one.opened() as (here,), other.opened() as (there,):
            await here.put("key", b"1")
            return await there.get("key")

    assert None is asyncio.run(run())
