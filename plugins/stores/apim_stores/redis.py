"""Keep state in Redis or Valkey."""

from __future__ import annotations

import importlib.util
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import attrs
from apim_sdk import Context, Duration, Logger, Secret, state

from apim_stores.backend import BackedStore, Backend
from apim_stores.redis_address import Sentinels, check_url
from apim_stores.tls import TLS

__all__ = ["Redis", "Sentinels"]

if importlib.util.find_spec("redis") is None:  # it is imported in start(), for that takes a while
    raise ModuleNotFoundError("No module named 'redis'", name="redis")


def _bounded(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if value < 0.1:
        raise ValueError("wait for the server for 100ms at least")


@attrs.frozen
class Redis(BackedStore):
    """Keeps values in Redis (6.2 or newer) or Valkey, for all gateways that reach the server.

    Where the server is away, what needs it says so within `timeout`, and followers go on by themselves when it is
    back. Values that expire are told within a second. Redis Cluster is not supported; a master that Sentinels watch is.
    The server must not evict keys (`maxmemory-policy noeviction`), and only its persistence (`appendonly yes`) keeps
    values over its restart.
    """

    example: ClassVar[Any] = {"url": "redis://127.0.0.1:6379/0"}
    shared_by: ClassVar[Literal["process", "node", "network"]] = "network"

    url: Secret = attrs.field(validator=check_url)
    """Where the server is: `redis://user:password@host:6379/0` with the number of the database, `rediss://` for TLS,
    `unix:///path` for a socket. With Sentinels the host is the name that they know the master by."""
    sentinels: Sentinels | None = None
    """The Sentinels to ask for the master."""
    tls: TLS = TLS()
    """TLS, where the scheme is `rediss`; it is for Sentinels too."""
    prefix: str = attrs.field(default="apim:", validator=attrs.validators.max_len(64))
    """What every key in Redis begins with; gateways that share values have the same."""
    timeout: Duration = attrs.field(default=Duration("2s"), converter=Duration, validator=_bounded)
    """How long a call to the server may take, with the wait for a connection."""
    connections: int = attrs.field(default=32, validator=attrs.validators.ge(2))
    """The most connections of each process. One of them waits for news."""
    changes: int = attrs.field(default=100_000, validator=attrs.validators.ge(100))
    """About how many changes the server remembers for those who follow; one that fell behind further reads all anew."""
    _backend: Backend[Any] = state()
    _log: Logger = state()

    async def start(self, context: Context) -> None:
        server = await context.shared(("redis", self), self._connect)
        self.hold(_backend=server, _log=context.log)
        try:
            await server.ping()
        except OSError as error:
            context.log.warning("A store is away at the start", error=str(error))

    def _connect(self) -> Any:
        from apim_stores.redis_client import connect
        from apim_stores.redis_server import RedisServer

        url = self.url.reveal()
        tls = self.tls.context() if urlsplit(url).scheme == "rediss" else None
        pairs, credentials = (self.sentinels.pairs, self.sentinels.credentials) if self.sentinels else ((), {})
        clients = connect(url, self.timeout, tls, pairs, credentials)
        return RedisServer(clients, self.prefix, self.timeout, self.connections, self.changes)
