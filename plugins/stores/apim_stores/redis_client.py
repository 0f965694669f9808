"""Connections to a Redis or Valkey server, found by its address or by Sentinels."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import ConnectionPool, Redis, Sentinel
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

__all__ = ["connect"]


def connect(
    url: str,
    timeout: float,
    tls: ssl.SSLContext | None,
    sentinels: Sequence[tuple[str, int]],
    credentials: Mapping[str, str],
) -> tuple[Redis, ...]:
    """A client of the server at ``url``, and those of the Sentinels that it asks; all are to be closed.

    With Sentinels the host of ``url`` is the name that they know the master by, and ``credentials`` (``username``,
    ``password``) are for them. Nothing is sent yet. Every command will be sent once, since what a repeated one answers
    is not what the first one did.
    """
    limits: dict[str, Any] = {
        # Whoever calls bounds the time. The library does so with asyncio.wait_for, which before Python 3.12 lost the
        # cancellation of a task where the write that it waited for was done at the same moment.
        "socket_timeout": None,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    settings = {**parse_url(url), **limits}
    if tls is not None:
        settings |= {"tls": tls, "connection_class": _TLSConnection}
    if not sentinels:
        return (Redis.from_pool(ConnectionPool(**settings)),)
    watched = {**limits, **credentials}
    if tls is not None:
        watched |= {"tls": tls, "connection_class": _TLSConnection}
    manager = Sentinel([])  # type: ignore[no-untyped-call]  # of the library
    pools = [ConnectionPool(host=host, port=port, **watched) for host, port in sentinels]
    patience = timeout / (len(sentinels) + 1)  # leaves time to ask them all, and then the master
    manager.sentinels = [_Sentinel(pool, patience) for pool in pools]
    service = settings.pop("host")
    settings["connection_class"] = SentinelManagedConnection if tls is None else _SentinelTLSConnection
    pool = SentinelConnectionPool(service, manager, **settings)  # type: ignore[no-untyped-call]  # of the library
    return Redis.from_pool(pool), *manager.sentinels


class _Sentinel(Redis):
    """A Sentinel, which gets ``patience`` seconds to answer."""

    def __init__(self, pool: ConnectionPool, patience: float) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._patience = patience

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:
        try:
            async with asyncio.timeout(self._patience):
                return await super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise RedisTimeoutError("a Sentinel does not answer") from error


class _TLSConnection(SSLConnection):
    """A connection with TLS settings of our own, where a given CA stands instead of those of the system."""

    def __init__(self, *, tls: ssl.SSLContext, **settings: Any) -> None:
        super().__init__(**settings)
        self.ssl_context.context = tls


class _SentinelTLSConnection(SentinelManagedConnection, _TLSConnection):
    """The same to a master that Sentinels know."""
