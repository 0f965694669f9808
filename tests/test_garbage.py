"""A request that is over leaves nothing behind that only the garbage collector can find: under a flood of requests that
are refused, its runs would stop all others."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import attrs
import pytest
from apim_sdk import Exchange, Policy, Reject, Respond, Response
from support.gateway import run, serving
from support.wire import MemoryTransport, settle

from apim_core.http.connection import Connection

CONFIGURATION = """
    listen: 127.0.0.1:0
    management: {enabled: false}
    flows: {fault: [{set-header: {name: X-Fault, value: "yes"}}]}
    apis:
      - name: open
        version: "1"
        context: /open
        endpoint: {mock: {}}
        plans: [{name: public, authentication: {keyless: {}}}]
        flows: {response: [{set-header: {name: X-Answer, value: "yes"}}]}
        operations:
          - {match: GET /mock}
          - {match: GET /cached, flows: {request: [{cache: {ttl: 1h}}]}}
          - {match: GET /limited, flows: {request: [{rate-limit: {requests: 1, per: 1h, key: api}}]}}
          - {match: GET /answered, flows: {request: [{answering: {}}]}}
          - {match: GET /refused, flows: {request: [{refusing: {waits: false}}]}}
          - {match: GET /refused-late, flows: {request: [{refusing: {waits: true}}]}}
          - {match: GET /broken, flows: {request: [{breaking: {}}]}}
      - name: closed
        version: "1"
        context: /closed
        endpoint: {mock: {}}
        plans:
          - {name: gold, authentication: {api-key: {}}}
          - name: silver
            authentication:
              basic: {users: {ann: {password: '$2b$04$1F2VD2Rfu1ed2FXRwmbIMe.CLAH3QyXIhXghy9wOalgZWP97VIWlG'}}}
        operations: [{match: GET /}]
"""


@attrs.frozen
class Answering(Policy):
    """Answers."""

    def on_request(self, exchange: Exchange) -> None:
        raise Respond(Response(200, None, b"here"))


@attrs.frozen
class Refusing(Policy):
    """Refuses."""

    waits: bool
    """Whether it waits before."""

    def on_request(self, exchange: Exchange) -> object:
        if self.waits:
            return self._later()
        raise Reject(403, "No")

    async def _later(self) -> None:
        await asyncio.sleep(0)
        raise Reject(403, "No")


@attrs.frozen
class Breaking(Policy):
    """Has a bug."""

    def on_request(self, exchange: Exchange) -> None:
        raise KeyError("a bug")


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/open/mock", "", 200),
        ("/open/cached", "", 200),
        ("/open/answered", "", 200),
        ("/open/limited", "", 429),
        ("/open/refused", "", 403),
        ("/open/refused-late", "", 403),
        ("/open/broken", "", 500),
        ("/open/none", "", 404),
        ("/none", "", 404),
        ("/closed/", "", 401),
        ("/closed/", "X-API-Key: none\r\n", 401),
        ("/closed/", "Authorization: Basic YW5uOm5v\r\n", 401),
    ],
)
def test_a_request_leaves_nothing_to_the_garbage_collector(
    target: str, fields: str, status: int, tmp_path: Path
) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()
    began = f"HTTP/1.1 {status} ".encode()

    async def ask(connection: Connection, transport: MemoryTransport) -> None:
        transport.written = b""
        connection.data_received(request)
        while not transport.written:
            await settle(connection)
        assert transport.written.startswith(began)

    async def main() -> None:
        plugins = {"answering": Answering, "refusing": Refusing, "breaking": Breaking}
        async with serving(CONFIGURATION, tmp_path, **plugins) as served:
            connection, transport = Connection(served.gateway._servers[0]), MemoryTransport()
            transport.protocol = connection
            connection.connection_made(transport)
            connection.data_received(request)
            await settle(connection)
            for _ in range(5):
                await ask(connection, transport)
            gc.collect()
            gc.disable()
            try:
                for _ in range(50):
                    await ask(connection, transport)
                served.log.clear()
                assert 50 > gc.collect()
            finally:
                gc.enable()

    run(main())
