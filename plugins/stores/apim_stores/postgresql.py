"""Keep state in PostgreSQL."""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import attrs
from apim_sdk import Context, Duration, Logger, Secret, state

from apim_stores.backend import BackedStore, Backend
from apim_stores.postgresql_schema import SchemaError
from apim_stores.tls import TLS

__all__ = ["PostgreSQL"]

if importlib.util.find_spec("asyncpg") is None:  # it is imported in start(), for that takes a while
    raise ModuleNotFoundError("No module named 'asyncpg'", name="asyncpg")


def _url(instance: Any, attribute: attrs.Attribute[Any], value: Secret) -> None:
    if urlsplit(value.reveal()).scheme not in ("postgresql", "postgres"):
        raise ValueError("write postgresql://user:password@host:5432/database")


def _bounded(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if value < 0.1:
        raise ValueError("wait for the server for 100ms at least")


@attrs.frozen
class PostgreSQL(BackedStore):
    """Keeps values in a PostgreSQL database (14 or newer), for all gateways that reach the server.

    Two tables, `apim_entries` and `apim_changes`, are made in the first schema of the user's search path where they
    are missing. Where the server is away, what needs it says so within `timeout`, and followers go on by themselves
    when it is back. `apim_entries` may be replicated logically, in both directions; `apim_changes` must not be.
    """

    example: ClassVar[Any] = {"url": "postgresql://apim@127.0.0.1:5432/apim"}
    shared_by: ClassVar[Literal["process", "node", "network"]] = "network"

    url: Secret = attrs.field(validator=_url)
    """Where the database is: `postgresql://user:password@host:5432/database`. Several hosts may be given with commas,
    `?target_session_attrs=primary` takes the one that can be written; other names set parameters of the session, such
    as `?search_path=gateway`."""
    tls: TLS | None = None
    """TLS; without it, `sslmode` in the URL says whether there is any."""
    timeout: Duration = attrs.field(default=Duration("5s"), converter=Duration, validator=_bounded)
    """How long a call to the server may take, with the wait for a connection."""
    connections: int = attrs.field(default=10, validator=attrs.validators.ge(1))
    """The most connections of each process, besides the one that waits for news."""
    _backend: Backend[Any] = state()
    _log: Logger = state()

    async def start(self, context: Context) -> None:
        from apim_stores.postgresql_server import PostgreSQLServer

        def connect() -> Awaitable[PostgreSQLServer]:
            tls = self.tls.context() if self.tls is not None else None
            return PostgreSQLServer(self.url.reveal(), tls, self.timeout, self.connections).open()

        server = await context.shared(("postgresql", self), connect)
        self.hold(_backend=server, _log=context.log)
        try:
            await server.ping()
        except SchemaError:
            raise
        except OSError as error:
            context.log.warning("A store is away at the start", error=str(error))
