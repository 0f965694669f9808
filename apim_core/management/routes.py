"""What the management port answers: one table of routes, each with the permission that it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Protocol

import attrs
from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from apim_core.management import actions, applications, keys, resources, revocations, subscriptions
from apim_core.management.calls import Call, Refusal

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
    MANAGES_ACCESS = "whoever presents the management token"
    """It changes something, shows who may call, or is a plugin's. Where no token is configured, it is not there."""


@attrs.frozen
class Route:
    """One method of one path of the management port; GET is HEAD, too.

    ``handler`` takes what is observed where the port is the fence, a Call where a token is. ``{path}`` at the end of a
    path stands for all that follows.
    """

    path: str
    permission: Permission
    handler: Callable[..., Awaitable[web.Response]]
    method: str = "GET"
    refuse: Callable[[Refusal], web.Response] = Refusal.response
    """How a refusal is written."""


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


def _access(method: str, path: str, handler: Callable[[Call], Awaitable[web.Response]]) -> Route:
    return Route(path, Permission.MANAGES_ACCESS, handler, method)


def _resource(method: str, path: str) -> Route:
    return Route(path, Permission.MANAGES_ACCESS, resources.show, method, resources.as_error)


ROUTES = (
    Route("/healthz", Permission.REACHES_THE_PORT, _health),
    Route("/readyz", Permission.REACHES_THE_PORT, _readiness),
    Route("/metrics", Permission.REACHES_THE_PORT, _metrics),
    Route("/snapshot", Permission.REACHES_THE_PORT, _snapshot),
    _access("GET", "/applications", applications.listed),
    _access("POST", "/applications", applications.add),
    _access("GET", "/applications/{id}", applications.show),
    _access("PUT", "/applications/{id}", applications.change),
    _access("DELETE", "/applications/{id}", applications.remove),
    _access("GET", "/applications/{id}/keys", keys.listed),
    _access("POST", "/applications/{id}/keys", keys.add),
    _access("DELETE", "/applications/{id}/keys/{key}", keys.remove),
    _access("GET", "/subscriptions", subscriptions.listed),
    _access("POST", "/subscriptions", subscriptions.add),
    _access("GET", "/subscriptions/{id}", subscriptions.show),
    _access("PATCH", "/subscriptions/{id}", subscriptions.change),
    _access("DELETE", "/subscriptions/{id}", subscriptions.remove),
    _access("GET", "/revocations", revocations.listed),
    _access("POST", "/revocations", revocations.add),
    _access("DELETE", "/revocations/{id}", revocations.remove),
    _access("POST", "/actions/{id}", actions.carry_out),
    _resource("GET", "/governance/{path}"),
    _resource("POST", "/governance/{path}"),
)
