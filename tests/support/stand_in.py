"""What stand-ins for identity products have in common: metadata, keys, and the OAuth 2.0 endpoints of any of them."""

from __future__ import annotations

import contextlib
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from secrets import token_urlsafe
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote_plus

from aiohttp import web

from support.tokens import public, signed

__all__ = ["GATEWAY", "StandIn", "refused", "serving_stand_in"]

GATEWAY = {"id": "gateway", "secret": "the secret of gateway"}
AnyStandIn = TypeVar("AnyStandIn", bound="StandIn")


def refused(status: int, **content: Any) -> web.HTTPException:
    """An error as JSON, to be raised."""
    return type("Refused", (web.HTTPException,), {"status_code": status})(
        text=web.json_response(content).text, content_type="application/json"
    )


class StandIn:
    """One server. A subclass says where things are, what its tokens carry, and how clients are kept."""

    path = ""
    """Of the issuer."""
    places: ClassVar[Mapping[str, str]] = {}
    """Paths of its endpoints, by their names in the metadata."""
    metadata_path = "/.well-known/openid-configuration"
    in_metadata: frozenset[str] | None = None
    """Endpoints that the metadata names; all if None."""

    def __init__(self) -> None:
        self.url = ""
        self.clients: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.seen: list[tuple[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.add_client(GATEWAY["id"], GATEWAY["secret"])

    @property
    def issuer(self) -> str:
        return self.url + self.path

    def add_client(self, client_id: str, secret: str | None = None, **members: Any) -> dict[str, Any]:
        client = {"client_id": client_id, "client_secret": secret or token_urlsafe(24), **members}
        self.clients[client_id] = client
        return client

    def claims(self, client_id: str, scope: str) -> dict[str, Any]:
        """What a token of a client says, beyond its issuer and dates."""
        return {"sub": client_id, "azp": client_id, "scope": scope}

    def issue(self, client_id: str, scope: str = "orders.read", **changes: Any) -> str:
        """A token, for which nobody had to ask."""
        now = int(time.time())
        claims = {"iss": self.issuer, "iat": now, "exp": now + 300, "jti": token_urlsafe(8)}
        claims |= {**self.claims(client_id, scope), **changes}
        token = signed({name: value for name, value in claims.items() if value is not None})
        self.tokens[token] = claims
        return token

    async def metadata(self, request: web.Request) -> web.Response:
        named = {name: self.url + path for name, path in self.places.items()}
        shown = {name: url for name, url in named.items() if self.in_metadata is None or name in self.in_metadata}
        return web.json_response({"issuer": self.issuer, **shown})

    async def jwks(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [public(), {**public("for-encryption"), "use": "enc"}]})

    async def token(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        client = self._authenticated(request, form)
        if form.get("grant_type") != "client_credentials":
            raise refused(400, error="unsupported_grant_type", error_description="not by this grant")
        token = self.issue(client["client_id"], form.get("scope", ""))
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 300})

    async def introspect(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        self._authenticated(request, form)
        known = self.tokens.get(form.get("token", ""))
        return web.json_response({"active": False} if known is None else {"active": True, **known})

    async def revoke(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        self._authenticated(request, form)
        self.tokens.pop(form.get("token", ""), None)
        return web.Response()

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            "token_endpoint": self.token,
            "introspection_endpoint": self.introspect,
            "revocation_endpoint": self.revoke,
        }
        return [
            web.get(self.path.rstrip("/") + self.metadata_path, self.metadata),
            web.get(self.places["jwks_uri"], self.jwks),
            *(web.post(self.places[name], handler) for name, handler in handlers.items() if name in self.places),
        ]

    async def _form(self, request: web.Request) -> dict[str, str]:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        return form

    def _authenticated(self, request: web.Request, form: Mapping[str, str]) -> dict[str, Any]:
        header = request.headers.get("Authorization", "")
        if header.startswith("Basic "):
            client_id, secret = map(unquote_plus, b64decode(header[6:]).decode().split(":", 1))
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        client = self.clients.get(client_id)
        if client is None or client["client_secret"] != secret:
            raise refused(401, error="invalid_client", error_description="Client authentication failed.")
        return client

    def _bearer(self, request: web.Request) -> dict[str, Any] | None:
        """The claims of the access token that an administrator shows, None if it is none of ours."""
        return self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))


@contextlib.asynccontextmanager
async def serving_stand_in(server: AnyStandIn) -> AsyncIterator[AnyStandIn]:
    """Serve on a free loopback port until the block ends."""

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        server.seen.append((request.method, request.path))
        response: web.StreamResponse = await handler(request)
        return response

    application = web.Application(middlewares=[note])
    application.add_routes(server.routes())
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
