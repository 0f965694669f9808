"""Opens a connection to an origin: an address that answers, the proxy in between, TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

from apim_sdk.errors import ENDPOINT_CONNECT_TIMEOUT, ENDPOINT_CONNECTION_FAILED, Fault

from apim_core.http.resolver import Resolver
from apim_core.http.upstream_settings import Origin, UpstreamSettings
from apim_core.http.upstream_tls import client_context

__all__ = ["Dialer"]

Made = TypeVar("Made", bound=asyncio.Protocol)


class Dialer:
    """Opens connections to one origin, each with a protocol that ``make`` gives."""

    def __init__(self, origin: Origin, settings: UpstreamSettings) -> None:
        self._origin = origin
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self._resolver = Resolver(origin.host, origin.port, settings.resolve_every)

    def prepare(self) -> None:
        """Read certificates now. Raises ValueError naming a file that cannot be used."""
        if self._origin.secure and self._context is None:
            self._context = client_context(self._settings.tls)

    async def dial(self, make: Callable[[], Made]) -> Made:
        """A connection ready for a request. Raises Fault: ENDPOINT_CONNECT_TIMEOUT, ENDPOINT_CONNECTION_FAILED."""
        origin = self._origin
        try:
            async with asyncio.timeout(self._settings.connect_timeout or None):
                return await self._connect(make)
        except TimeoutError as error:
            raise Fault(ENDPOINT_CONNECT_TIMEOUT, detail=f"{origin} did not accept a connection in time") from error
        except OSError as error:
            raise Fault(ENDPOINT_CONNECTION_FAILED, detail=f"cannot connect to {origin}: {error}") from error

    async def _connect(self, make: Callable[[], Made]) -> Made:
        self.prepare()
        loop = asyncio.get_running_loop()
        failures: list[str] = []
        for _family, address in await self._resolver.addresses():
            try:
                _, protocol = await loop.create_connection(
                    make, address[0], address[1], ssl=self._context, server_hostname=self._server_name()
                )
            except OSError as error:
                failures.append(str(error))
            else:
                return protocol
        raise OSError("; ".join(failures))

    def _server_name(self) -> str | None:
        if self._context is None:
            return None
        return self._settings.tls.server_name or self._origin.host

    async def stop(self) -> None:
        """End what runs in the background."""
        await self._resolver.stop()
