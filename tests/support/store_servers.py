"""The stores that the contract is held against, with the servers that they need."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from apim_sdk import Duration, Secret
from apim_stores.memory import Memory
from apim_stores.postgresql import PostgreSQL
from apim_stores.redis import Redis
from apim_stores.sqlite import SQLite

from support.postgresql import PostgreSQLProcess, execute
from support.redis import RedisProcess, running
from support.stores import Space


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A Redis for all tests of the run that do not stop it."""
    server = RedisProcess(tmp_path_factory.mktemp("redis"))
    with running(server):
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQLProcess]:
    """A PostgreSQL for all tests of the run that do not stop it."""
    server = PostgreSQLProcess()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def postgresql_schema(server: PostgreSQLProcess) -> Secret:
    """The URL of a new, empty schema."""
    name = f"s{uuid.uuid4().hex}"
    asyncio.run(execute(server.url, f"CREATE SCHEMA {name}"))
    return Secret(f"{server.url}?search_path={name}")


@pytest.fixture(params=["memory", "sqlite", "redis", "postgresql"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Space:
    """A store without values, of each kind."""
    if request.param == "memory":
        return Space("memory", Memory, one_process=True)
    if request.param == "sqlite":
        return Space("sqlite", lambda: SQLite(tmp_path / "apim.db"))
    if request.param == "redis":
        url, prefix = Secret(request.getfixturevalue("redis_server").url), f"{uuid.uuid4()}:"
        return Space("redis", lambda: Redis(url, prefix=prefix, timeout=Duration("30s")))
    url = postgresql_schema(request.getfixturevalue("postgresql_server"))
    return Space("postgresql", lambda: PostgreSQL(url, timeout=Duration("30s")))
