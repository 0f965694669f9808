"""Interim answers (1xx) of a backend go to the client as they come, whatever stands between (RFC 9110, 15.2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.gateway import run, serving

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nX-Hop: secret\r\nConnection: X-Hop\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
HELLO = b"HTTP/1.1 200 OK\r\nCache-Control: %b\r\nContent-Length: 5\r\n\r\nhello"
FRESH, STALE, NONE = [HELLO % said for said in (b"max-age=60", b"max-age=0, stale-while-revalidate=60", b"no-store")]
BROKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
CHAIN = (
    "cache: {scope: public}",
    "circuit-breaker: {}",
    "retry: {first_delay: 0}",
    "timeout: {head: 30s}",
    "bulkhead: {max_calls: 9}",
)

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def says(*pieces: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return script


class Client:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def ask(self, path: str = "/x", version: str = "1.1") -> None:
        self._writer.write(f"GET /api{path} HTTP/{version}\r\nHost: test\r\nConnection: keep-alive\r\n\r\n".encode())

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and fields of the next answer; the body of a final one is read, too."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        status = int(lines[0].split()[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
        if status >= 200:
            await self._reader.readexactly(int(fields["content-length"]))
        return status, fields

    async def statuses(self, path: str = "/x", version: str = "1.1") -> list[int]:
        """All statuses that come to a request, the final one last."""
        self.ask(path, version)
        came: list[int] = []
        while not came or came[-1] < 200:
            came.append((await self.head())[0])
        return came


@contextlib.asynccontextmanager
async def gateway(
    folder: Path, *scripts: Script, steps: Sequence[str] = CHAIN, endpoint: str = ""
) -> AsyncIterator[Client]:
    """A gateway before a backend that answers by a script each time, again by the last."""
    left = list(scripts)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await (left.pop(0) if len(left) > 1 else left[0])(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    text = (
        "management: {enabled: false}\n"
        "apis:\n"
        "  - name: items\n"
        "    context: /api\n"
        f"    endpoint: {{http: {{url: 'http://127.0.0.1:{port}'{endpoint}}}}}\n"
        "    plans: [{name: public, authentication: {keyless: {}}}]\n"
        f"    flows: {{request: [{', '.join(f'{{{step}}}' for step in steps)}]}}\n"
        "    operations: [{match: '* /*'}]\n"
    )
    async with serving(text, folder) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        yield Client(reader, writer)
        writer.close()
    server.close()


def scenario(body: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(30):
            return await body()

    return run(bounded)


@pytest.mark.parametrize("steps", [(), *((step,) for step in CHAIN), CHAIN], ids=str)
def test_they_go_to_the_client_in_order(tmp_path: Path, steps: Sequence[str]) -> None:
    async def body() -> list[int]:
        async with gateway(tmp_path, says(PROCESSING, HINT, HINT, NONE), steps=steps) as client:
            return await client.statuses()

    assert [102, 103, 103, 200] == scenario(body)


def test_they_are_not_held_back_until_the_answer_is_there(tmp_path: Path) -> None:
    async def body() -> tuple[int, dict[str, str], int]:
        seen = asyncio.Event()

        async def script(writer: asyncio.StreamWriter) -> None:
            writer.write(HINT)
            await seen.wait()
            writer.write(FRESH)

        async with gateway(tmp_path, script) as client:
            client.ask()
            status, fields = await client.head()
            seen.set()
            return status, fields, (await client.head())[0]

    status, fields, final = scenario(body)
    assert (103, {"link": "</style.css>; rel=preload"}, 200) == (status, fields, final)


def test_a_cache_keeps_the_answer_without_them(tmp_path: Path) -> None:
    async def body() -> list[list[int]]:
        async with gateway(tmp_path, says(HINT, FRESH), says(BROKEN)) as client:
            return [await client.statuses() for _ in range(2)]

    assert [[103, 200], [200]] == scenario(body)


def test_what_validates_behind_the_clients_back_sends_none(tmp_path: Path) -> None:
    async def body() -> list[list[int]]:
        validated = asyncio.Event()

        async def script(writer: asyncio.StreamWriter) -> None:
            await says(HINT, HINT, FRESH)(writer)
            validated.set()

        async with gateway(tmp_path, says(HINT, STALE), script) as client:
            came = [await client.statuses(), await client.statuses()]
            await validated.wait()
            return [*came, await client.statuses()]

    assert [[103, 200], [200], [200]] == scenario(body)


def test_each_try_may_send_its_own(tmp_path: Path) -> None:
    async def body() -> list[int]:
        async with gateway(tmp_path, says(HINT, BROKEN), says(PROCESSING, NONE)) as client:
            return await client.statuses()

    assert [103, 102, 200] == scenario(body)


def test_one_may_come_before_a_fault(tmp_path: Path) -> None:
    async def hangs_up(writer: asyncio.StreamWriter) -> None:
        writer.write(HINT)
        await writer.drain()
        writer.close()

    async def body() -> list[int]:
        async with gateway(tmp_path, hangs_up, steps=()) as client:
            return await client.statuses()

    assert [103, 502] == scenario(body)


def test_a_client_of_http_1_0_gets_none(tmp_path: Path) -> None:
    async def body() -> list[int]:
        async with gateway(tmp_path, says(HINT, NONE)) as client:
            return await client.statuses(version="1.0")

    assert [200] == scenario(body)


def test_an_endpoint_may_keep_them_back(tmp_path: Path) -> None:
    async def body() -> list[int]:
        endpoint = ", forward_informational: false"
        async with gateway(tmp_path, says(HINT, PROCESSING, NONE), endpoint=endpoint) as client:
            return await client.statuses()

    assert [200] == scenario(body)


def test_a_backend_that_never_stops_is_cut_off(tmp_path: Path) -> None:
    async def body() -> list[int]:
        async with gateway(tmp_path, says(*[HINT] * 40, NONE), steps=()) as client:
            return await client.statuses()

    assert [103] * 32 + [502] == scenario(body)
