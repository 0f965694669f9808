"""What the management port answers: one table of routes, each with the permission that it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Protocol

import attrs
from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

__all__ = ["ROUTES", "Observed", "Permission", "Route"]


class Observed(Protocol):
    """What the management port shows: one gateway, or a supervisor with its workers."""

    @property
    def ready(self) -> bool:
        """Whether requests are served: a snapshot is in place, and nothing drains."""

    def status(self) -> Mapping[str, Any]:
        """What runs, as plain values: ``generation``, ``apis``, ``since`` (seconds since the epoch) ..."""

    async def metrics(self) -> bytes:
        """All numbers in the Prometheus text format, version 0.0.4."""


class Permission(Enum):
    """Who may use a route."""

    REACHES_THE_PORT = "whoever reaches the management port"
    """It shows no secret and changes nothing: the port itself is the fence, on loopback unless configured otherwise."""


Handler = Callable[[Observed], Awaitable[web.Response]]


@attrs.frozen
class Route:
    """One path of the management port, for GET and HEAD."""

    path: str
    permission: Permission
    handler: Handler


async def _health(observed: Observed) -> web.Response:
    """Alive: the event loop turns."""
    return web.Response(text="alive\n")


async def _readiness(observed: Observed) -> web.Response:
    """200 while requests are served; 503 before that and while draining, so that a balancer goes elsewhere."""
    if observed.ready:
        return web.Response(text="ready\n")
    return web.Response(status=503, text="not ready\n")


async def _metrics(observed: Observed) -> web.Response:
    return web.Response(body=await observed.metrics(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def _snapshot(observed: Observed) -> web.Response:
    return web.json_response(dict(observed.status()))


ROUTES = (
    Route("/healthz", Permission.REACHES_THE_PORT, _health),
    Route("/readyz", Permission.REACHES_THE_PORT, _readiness),
    Route("/metrics", Permission.REACHES_THE_PORT, _metrics),
    Route("/snapshot", Permission.REACHES_THE_PORT, _snapshot),
)
