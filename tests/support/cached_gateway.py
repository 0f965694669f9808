"""A gateway with `cache` on real sockets, before a backend that echoes what it was asked."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
from apim_sdk.testing import Answer as Reply
from apim_sdk.testing.backend import FakeBackend, RawRequest

from support.gateway import Answer, Served, run, serving

__all__ = ["CachedGateway", "cached_gateway", "echo", "within"]

TEXT = """\
management: {{enabled: false}}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans:
      - {{name: keys, authentication: {{api-key: {{forward: {forward}}}}}}}
      - {{name: public, authentication: {{keyless: {{}}}}}}
    flows: {{request: [{before}{{cache: {{{settings}}}}}]}}
    operations: [{{match: "* /*"}}]
applications:
  - {{name: anna, keys: [{{api-key: anna-key}}], subscriptions: [{{api: items, plan: keys}}]}}
  - {{name: otto, keys: [{{api-key: otto-key}}], subscriptions: [{{api: items, plan: keys}}]}}
"""
ANNA, OTTO = {"X-API-Key": "anna-key"}, {"X-API-Key": "otto-key"}


def echo(**headers: str) -> Callable[[RawRequest], Reply]:
    """A backend that tells in each answer, which is fresh for a minute, all that it was asked."""
    fields = {"Cache-Control": "max-age=60", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda request: Reply(200, fields, request.head)


@attrs.frozen
class CachedGateway:
    """The gateway, and the backend behind it."""

    served: Served
    backend: FakeBackend

    async def ask(self, path: str = "/x", method: str = "GET", **headers: str) -> Answer:
        """One request; ``_`` in a header's name stands for ``-``."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.served.call(method, f"/api{path}", headers=fields)

    async def reaches(self, path: str = "/x", method: str = "GET", **headers: str) -> bool:
        """Whether a request reaches the backend."""
        before = len(self.backend.requests)
        await self.ask(path, method, **headers)
        return len(self.backend.requests) > before


@contextlib.asynccontextmanager
async def cached_gateway(
    folder: Path, settings: str = "", *replies: Any, before: str = "", forward: bool = False
) -> AsyncIterator[CachedGateway]:
    """Serve until the block ends; ``before`` are steps in front of the cache."""
    async with FakeBackend(*(replies or (echo(),))) as backend:
        text = TEXT.format(backend=backend.url, settings=settings, before=before, forward=str(forward).lower())
        async with serving(text, folder) as served:
            yield CachedGateway(served, backend)


def within(
    folder: Path, scenario: Callable[[CachedGateway], Awaitable[Any]], settings: str = "", *replies: Any, **more: Any
) -> Any:
    """What a scenario answers while the gateway serves."""

    async def serve() -> Any:
        async with cached_gateway(folder, settings, *replies, **more) as gateway:
            return await scenario(gateway)

    return run(serve)
