"""The `demo-bookshop` endpoint: a small backend of its own, for the quickstart and for trying things out."""

from __future__ import annotations

from typing import ClassVar

import attrs
from apim_sdk import Context, Endpoint, Exchange, Posture, Response, Status, Upstream, UpstreamSettings
from apim_sdk.plugin import state

__all__ = ["DemoBookshop"]


@attrs.frozen
class DemoBookshop(Endpoint):
    """Send the request to a bookshop that this plugin runs itself, on a free port of the loopback interface.

    It is a real HTTP server, which keeps books, authors and orders in memory until the gateway stops.
    """

    status: ClassVar[Status] = Status.STABLE
    posture: ClassVar[Posture] = Posture.TRUSTED_CLIENTS

    _upstream: Upstream = state()

    async def start(self, context: Context) -> None:
        from apim_endpoints.demo_bookshop.server import Bookshop  # a whole web server: only when it is used

        bookshop = await context.shared("demo-bookshop", Bookshop.open)
        self.hold(_upstream=await context.upstream(bookshop.url, UpstreamSettings()))

    async def send(self, exchange: Exchange) -> Response:
        query = exchange.request.query_string
        return await self._upstream.send(
            exchange, f"{exchange.endpoint_path}?{query}" if query else exchange.endpoint_path
        )
