"""A gateway that serves on a free port, with plugins that a test defines on the spot."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import structlog
import uvloop
from apim_sdk.plugin import Plugin

from apim_core.config import Configuration, load
from apim_core.gateway import Gateway
from apim_core.registry import GROUP, Registry


class LocalPoint:
    """An entry point whose class a test has at hand."""

    def __init__(self, name: str, plugin: Any, dist: Any = None, value: str = "") -> None:
        self.name = name
        self.value = value or f"tests:{name}"
        self.group = GROUP
        self.dist = dist
        self._plugin = plugin

    def load(self) -> Any:
        if isinstance(self._plugin, Exception):
            raise self._plugin
        return self._plugin


def registry_with(**plugins: Any) -> Registry:
    """The installed plugins and these; ``_`` in a name stands for ``-``."""
    local: list[Any] = [LocalPoint(name.replace("_", "-"), plugin) for name, plugin in plugins.items()]
    installed: list[EntryPoint] = list(entry_points(group=GROUP))
    return Registry([*installed, *local])


@attrs.define
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        import json

        return json.loads(self.body)


@attrs.define
class Served:
    """A gateway that serves."""

    gateway: Gateway
    port: int
    folder: Path
    session: aiohttp.ClientSession
    log: list[dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def call(self, method: str, path: str, **arguments: Any) -> Answer:
        """Send one request; ``headers`` and ``data`` as aiohttp takes them."""
        async with self.session.request(method, self.url + path, allow_redirects=False, **arguments) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def get(self, path: str, **headers: str) -> Answer:
        """GET; ``_`` in a header's name stands for ``-``."""
        return await self.call("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def reload(self, text: str) -> None:
        await self.gateway.reload(configuration(text, self.folder))


def configuration(text: str, folder: Path) -> Configuration:
    """The configuration that ``text`` describes, after dedenting; files it names are in ``folder``."""
    file = folder / "apim.yaml"
    file.write_text(textwrap.dedent(text))
    return load(file, environment={})


@contextlib.asynccontextmanager
async def serving(text: str, folder: Path, **plugins: type[Plugin]) -> AsyncIterator[Served]:
    """Serve a configuration until the block ends; whatever it listens on, it gets a free port instead."""
    log: list[dict[str, Any]] = []

    def collect(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        log.append({**event, "level": method})
        raise structlog.DropEvent

    logger = structlog.wrap_logger(None, processors=[collect])
    gateway = Gateway(logger, registry_with(**plugins))
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    listening.setblocking(False)
    port = listening.getsockname()[1]
    try:
        await gateway.start(configuration(text, folder), [listening])
    except BaseException:
        listening.close()
        raise
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Served(gateway, port, folder, session, log)
    finally:
        await gateway.drain(5)
        await gateway.stop()


def run(coroutine: Coroutine[Any, Any, Any] | Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a test's coroutine on uvloop, as the gateway does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine() if callable(coroutine) else coroutine)


def api(*, flows: str = "{}", endpoint: str = "{mock: {body: hello}}", rest: str = "") -> str:
    """The text of a configuration with one open API, ``GET /api/items/{id}`` and ``POST /api/items``."""
    return textwrap.dedent(
        f"""\
        management: {{enabled: false}}
        apis:
          - name: items
            context: /api
            endpoint: {endpoint}
            plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
            flows: {flows}
            operations: [{{match: "GET /items/{{id}}"}}, {{match: POST /items}}]
        """
    ) + textwrap.dedent(rest)
