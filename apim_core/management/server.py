"""The server of the management port."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from aiohttp import web
from apim_sdk.fields import Secret

from apim_core.access.ledger import Conflict, NotThere
from apim_core.config.server import Address
from apim_core.management.administration import Administration
from apim_core.management.calls import Call, Refusal
from apim_core.management.routes import ROUTES, Observed, Permission, Route

__all__ = ["Management", "is_loopback"]

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_LARGEST_BODY = 65_536

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Management:
    """The management port, from ``start`` to ``stop``.

    With an ``administration`` and a ``token`` there are also the routes that change access; without, there are not.
    """

    def __init__(
        self,
        observed: Observed,
        address: Address,
        administration: Administration | None = None,
        token: Secret | None = None,
    ) -> None:
        self._observed = observed
        self._address = address
        self._administration = administration
        self._token = None if token is None else _digest(token.reveal())
        self._runner: web.AppRunner | None = None

    async def start(self) -> Address:
        """Listen; the address as bound. Raises OSError naming the address that cannot be had."""
        app = web.Application(
            middlewares=[_only_own_hosts] if is_loopback(self._address) else [], client_max_size=_LARGEST_BODY
        )
        app.on_response_prepare.append(_finish)
        for route in ROUTES:
            handler = self._handler(route)
            path = route.path.replace("{path}", "{path:.+}")
            if handler is not None and route.method == "GET":
                app.router.add_get(path, handler)
            elif handler is not None:
                app.router.add_route(route.method, path, handler)
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
        if self._administration is not None:
            await self._administration.aclose()

    def _handler(self, route: Route) -> Handler | None:
        """What answers a route; None where there is to be none."""
        if route.permission is Permission.REACHES_THE_PORT:

            async def handle(request: web.Request) -> web.Response:
                return await route.handler(self._observed)

            return handle
        administration, token = self._administration, self._token
        if administration is None or token is None:
            return None

        async def handle_with_token(request: web.Request) -> web.Response:
            if not _presents(request, token):
                administration.log.warning("the management token is missing or wrong", by=request.remote)
                refusal = route.refuse(Refusal(401, "Present the management token as `Authorization: Bearer`"))
                refusal.headers["WWW-Authenticate"] = 'Bearer realm="apim management"'
                return refusal
            return await _answer(route, Call(request, administration))

        return handle_with_token


async def _answer(route: Route, call: Call) -> web.Response:
    """What the route answers, or how it refuses."""
    try:
        return await route.handler(call)
    except Refusal as refusal:
        return route.refuse(refusal)
    except NotThere as error:
        return Refusal(404, str(error)).response()
    except Conflict as error:
        return Refusal(409, str(error)).response()
    except web.HTTPRequestEntityTooLarge:
        return Refusal(413, f"The body may have at most {_LARGEST_BODY} bytes").response()
    except OSError as error:
        call.administration.log.warning("the store for access is away", reason=str(error))
        return Refusal(503, "The store for access is away: nothing was changed for good; try again").response()


def is_loopback(address: Address) -> bool:
    """Whether only this machine reaches an address."""
    if address.host == "localhost":
        return True
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return False


def _presents(request: web.Request, digest: bytes) -> bool:
    """Whether the request carries the token; compared in constant time, whatever its length."""
    values = request.headers.getall("Authorization", [])
    if len(values) != 1:
        return False
    scheme, _, presented = values[0].partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(_digest(presented.strip()), digest)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


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
