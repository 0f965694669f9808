"""A gateway that serves on the listeners that its configuration names, and clients that speak to them byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import structlog
from apim_sdk import Endpoint, Exchange, Headers, Response

from apim_core.gateway import Gateway
from apim_core.listeners import open_sockets
from support.gateway import configuration, registry_with, run

GET = b"GET /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PROXIED = b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n" + GET


@attrs.frozen
class Seen(Endpoint):
    """Answers with what the wire said of the client."""

    async def send(self, exchange: Exchange) -> Response:
        client = exchange.client
        found = {
            "address": str(client.address),
            "peer": str(client.peer),
            "scheme": exchange.request.scheme,
            "server_name": client.tls and client.tls.server_name,
            "tls": client.tls and client.tls.version,
            "certificate": bool(client.tls and client.tls.certificate),
            "headers": [name for name, _ in exchange.request.headers.items()],
            "body": len(await exchange.request.body.read()),
        }
        return Response(200, Headers([("Content-Type", "application/json")]), json.dumps(found).encode())


def text(listen: str, rest: str = "") -> str:
    return textwrap.dedent(f"""\
        listen: {listen}
        management: {{enabled: false}}
        apis:
          - name: items
            context: /api
            endpoint: {{seen: {{}}}}
            plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
            operations: [{{match: "* /x"}}]
        """) + textwrap.dedent(rest)


@attrs.frozen
class Listening:
    """A gateway that serves on each of its listeners."""

    gateway: Gateway
    ports: tuple[int, ...]

    async def send(self, data: bytes, tls: ssl.SSLContext | None = None, name: str | None = None, at: int = 0) -> bytes:
        """All that comes back for some bytes until the gateway closes; nothing where it cuts the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[at], ssl=tls, server_hostname=name)
        try:
            writer.write(data)
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def seen(
        self, data: bytes = GET, tls: ssl.SSLContext | None = None, name: str | None = None, at: int = 0
    ) -> Any:
        """What the endpoint saw of a request."""
        return json.loads((await self.send(data, tls, name, at)).partition(b"\r\n\r\n")[2])


@contextlib.asynccontextmanager
async def listening(written: str, folder: Path) -> AsyncIterator[Listening]:
    """Serve a configuration on its own listeners; a port of 0 is a free one."""
    loaded = configuration(written, folder)
    sockets = open_sockets(loaded)
    ports = tuple(each.getsockname()[1] for each in sockets)
    gateway = Gateway(structlog.wrap_logger(None, processors=[_drop]), registry_with(seen=Seen))
    await gateway.start(loaded, sockets)
    try:
        yield Listening(gateway, ports)
    finally:
        await gateway.drain(5)
        await gateway.stop()


def _drop(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    raise structlog.DropEvent


def served(written: str, folder: Path, scenario: Callable[[Listening], Awaitable[Any]]) -> Any:
    """What a scenario answers while a configuration is served."""

    async def serve() -> Any:
        async with listening(written, folder) as gateway:
            return await scenario(gateway)

    return run(serve())


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
