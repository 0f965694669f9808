"""The server of the management port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import web

from apim_core.config.server import Address
from apim_core.management.routes import ROUTES, Observed, Route

__all__ = ["Management", "is_loopback"]

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Management:
    """The management port, from ``start`` to ``stop``."""

    def __init__(self, observed: Observed, address: Address) -> None:
        self._observed = observed
        self._address = address
        self._runner: web.AppRunner | None = None

    async def start(self) -> Address:
        """Listen; the address as bound. Raises OSError naming the address that cannot be had."""
        app = web.Application(middlewares=[_only_own_hosts] if is_loopback(self._address) else [])
        app.on_response_prepare.append(_finish)
        for route in ROUTES:
            app.router.add_get(route.path, _handler(route, self._observed))
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, self._address.host or None, self._address.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise OSError(error.errno, f"cannot listen on {self._address} (management): {error.strerror}") from error
        self._runner = runner
        host, port = runner.addresses[0][:2]
        return Address(host, port)

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def is_loopback(address: Address) -> bool:
    """Whether only this machine reaches an address."""
    if address.host == "localhost":
        return True
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return False


def _handler(route: Route, observed: Observed) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return await route.handler(observed)

    return handle


@web.middleware
async def _only_own_hosts(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """On loopback, refuse names that only look local: a web page can make a browser ask by one (DNS rebinding)."""
    name = request.url.host or ""
    if name != "localhost":
        try:
            ip_address(name)
        except ValueError:
            raise web.HTTPForbidden(text="Call this port by its address or as localhost\n") from None
    return await handler(request)


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers["Server"] = "apim"
