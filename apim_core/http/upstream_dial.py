"""Opens a connection to an origin: an address that answers, the proxy in between, TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from apim_sdk.errors import ENDPOINT_CONNECT_TIMEOUT, ENDPOINT_CONNECTION_FAILED, Fault

from apim_core.http.resolver import Address, Lookup, Resolver, system_lookup
from apim_core.http.upstream_connection import UpstreamConnection
from apim_core.http.upstream_proxy import ProxyHandshake
from apim_core.http.upstream_settings import Origin, UpstreamSettings
from apim_core.http.upstream_tls import client_context

__all__ = ["STAGGER", "Dialer"]

STAGGER = 0.25
"""Seconds that an address has to itself before the next one is tried beside it (RFC 8305, section 5)."""

Make = Callable[[], UpstreamConnection]


class Dialer:
    """Opens connections to one origin."""

    def __init__(self, origin: Origin, settings: UpstreamSettings, lookup: Lookup = system_lookup) -> None:
        self._origin = origin
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        peer = settings.proxy or origin
        self.resolver = Resolver(peer.host, peer.port, settings.resolve_every, lookup)

    def prepare(self) -> None:
        """Read certificates now. Raises ValueError naming a file that cannot be used."""
        if self._origin.secure and self._context is None:
            self._context = client_context(self._settings.tls)

    async def dial(self, make: Make) -> UpstreamConnection:
        """A connection ready for a request. Raises Fault: ENDPOINT_CONNECT_TIMEOUT, ENDPOINT_CONNECTION_FAILED."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout or None):
                self.prepare()
                return await self._race(make, await self.resolver.addresses())
        except TimeoutError as error:
            raise Fault(ENDPOINT_CONNECT_TIMEOUT, detail=f"{self._origin} took no connection in time") from error
        except OSError as error:
            raise Fault(ENDPOINT_CONNECTION_FAILED, detail=f"cannot connect to {self._origin}: {error}") from error

    async def _race(self, make: Make, addresses: tuple[Address, ...]) -> UpstreamConnection:
        """The first connection that is ready; each address gets a start over the next (RFC 8305, section 5)."""
        if len(addresses) == 1:
            return await self._connect(make, addresses[0])
        attempts: set[asyncio.Task[UpstreamConnection]] = set()
        failures: list[str] = []
        waiting = list(reversed(addresses))
        try:
            while waiting or attempts:
                if waiting:
                    attempts.add(asyncio.create_task(self._connect(make, waiting.pop())))
                done, attempts = await asyncio.wait(
                    attempts, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in done:
                    error = attempt.exception()
                    if error is None:
                        done.discard(attempt)
                        attempts |= done
                        return attempt.result()
                    if not isinstance(error, OSError):
                        raise error
                    failures.append(str(error))
        finally:
            for attempt in attempts:
                attempt.add_done_callback(_drop)
                attempt.cancel()
        raise OSError("; ".join(failures))

    async def _connect(self, make: Make, address: Address) -> UpstreamConnection:
        host, port = address[1][:2]
        try:
            if self._settings.proxy is not None and self._origin.secure:
                return await self._tunnel(make, host, port)
            context = self._context
            _, connection = await asyncio.get_running_loop().create_connection(
                make, host, port, ssl=context, server_hostname=None if context is None else self._server_name()
            )
        except OSError as error:
            raise ConnectionError(f"{host} port {port}: {error}") from error
        return connection

    async def _tunnel(self, make: Make, host: str, port: int) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        proxy = self._settings.proxy
        assert proxy is not None
        assert self._context is not None
        plain, handshake = await loop.create_connection(lambda: ProxyHandshake(proxy, self._origin), host, port)
        try:
            await handshake.established
            connection = make()
            secured = await loop.start_tls(plain, connection, self._context, server_hostname=self._server_name())
        except BaseException:
            plain.abort()
            raise
        connection.connection_made(cast(asyncio.Transport, secured))
        return connection

    def _server_name(self) -> str:
        return self._settings.tls.server_name or self._origin.host

    async def stop(self) -> None:
        """End what runs in the background."""
        await self.resolver.stop()


def _drop(attempt: asyncio.Task[UpstreamConnection]) -> None:
    """Close what an attempt that lost the race has opened."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().abandon()
