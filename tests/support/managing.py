"""A management port on a free port of the loopback, over a store that a test holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import structlog
from apim_sdk import Secret

from apim_core.access.revocations import Revocations
from apim_core.actions import Act
from apim_core.config import Configuration
from apim_core.config.server import Address
from apim_core.management import Administration, Management
from support.access_store import HeldStore
from support.gateway import Answer, configuration, registry_with

__all__ = ["TOKEN", "Managed", "managing"]

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

TEXT = """
stores: {main: {held: {}}}
access: {store: main, revocations: 5}
key_managers: {idp: {oidc: {issuer: "https://idp.example", jwks: {file: jwks.json}}}}
apis:
  - name: items
    context: /api
    endpoint: {mock: {}}
    plans: [{name: gold, authentication: {api-key: {}}}, {name: silver, authentication: {api-key: {}}}]
    operations: [{match: GET /x}]
  - name: items
    version: "2"
    context: /api2
    endpoint: {mock: {}}
    plans: [{name: gold, authentication: {api-key: {}}}]
    operations: [{match: GET /x}]
applications:
  - name: written
    id: written
    keys: [{api-key: "a written key"}, {client_id: written-web}]
    subscriptions: [{api: items, plan: gold, id: written-gold}]
"""


class _Observed:
    ready = True

    def status(self) -> dict[str, Any]:
        return {}

    async def metrics(self) -> bytes:
        return b""


@attrs.define
class Managed:
    """The port, and how to ask it; ``log`` is what was said."""

    url: str
    session: aiohttp.ClientSession
    served: list[Configuration]
    log: list[dict[str, Any]]

    async def ask(self, method: str, path: str, body: Any = None, **arguments: Any) -> Answer:
        """One request with the token; ``body`` as JSON."""
        headers = {"Authorization": f"Bearer {TOKEN}", **arguments.pop("headers", {})}
        if body is not None:
            arguments["data"] = json.dumps(body)
        async with self.session.request(method, self.url + path, headers=headers, **arguments) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, **body: Any) -> Answer:
        return await self.ask("POST", path, body)


@asynccontextmanager
async def managing(
    folder: Path,
    text: str = TEXT,
    token: str | None = TOKEN,
    revocations: Revocations | None = None,
    act: Act | None = None,
) -> AsyncIterator[Managed]:
    """A management port over the store ``HeldStore.held["held"]``."""
    log: list[dict[str, Any]] = []

    def collect(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        log.append({**event, "level": method})
        raise structlog.DropEvent

    served = [configuration(text, folder)]
    administration = Administration(
        lambda: served[-1],
        structlog.wrap_logger(None, processors=[collect]),
        registry_with(held=HeldStore),
        revocations=revocations,
        act=act,
    )
    management = Management(
        _Observed(), Address("127.0.0.1", 0), administration, None if token is None else Secret(token)
    )
    address = await management.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Managed(f"http://{address}", session, served, log)
    finally:
        await management.stop()
