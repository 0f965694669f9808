"""A stand-in for a tenant of Auth0: OAuth 2.0 with audiences, and the Management API v2 by scopes of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, ClassVar

from aiohttp import web

from support.stand_in import GATEWAY, StandIn, refused

__all__ = ["AUDIENCE", "Auth0Server"]

AUDIENCE = "https://api.shop.example"
API = "/api/v2"
MANAGED_BY = "create:clients read:clients update:clients delete:clients update:client_keys create:client_grants"


class Auth0Server(StandIn):
    path = "/"
    places: ClassVar[Mapping[str, str]] = {
        "token_endpoint": "/oauth/token",
        "revocation_endpoint": "/oauth/revoke",
        "jwks_uri": "/.well-known/jwks.json",
    }

    def __init__(self) -> None:
        super().__init__()
        self.apis: dict[str, list[dict[str, str]]] = {AUDIENCE: [{"value": "orders.read", "description": "Read"}]}
        self.grants: dict[tuple[str, str], str] = {}
        self.management_scopes = f"{MANAGED_BY} read:resource_servers update:resource_servers"

    async def token(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        client = self._authenticated(request, form)
        client_id, audience = client["client_id"], form.get("audience")
        if audience == f"{self.issuer}api/v2/" and client_id == GATEWAY["id"]:
            scope = self.management_scopes
        elif audience in self.apis and (client_id, audience) in self.grants:
            scope = self.grants[client_id, audience]
        else:
            description = f"Client is not authorized to access {audience!r}."
            raise refused(403, error="access_denied", error_description=description)
        token = self.issue(client_id, scope, aud=audience, gty="client-credentials")
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": scope}
        return web.json_response(answer)

    def claims(self, client_id: str, scope: str) -> dict[str, Any]:
        return {"sub": f"{client_id}@clients", "azp": client_id, "scope": scope}

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.post(f"{API}/clients", self.create),
            web.get(f"{API}/clients/{{id}}", self.read),
            web.patch(f"{API}/clients/{{id}}", self.change),
            web.delete(f"{API}/clients/{{id}}", self.remove),
            web.post(f"{API}/clients/{{id}}/rotate-secret", self.rotate),
            web.post(f"{API}/client-grants", self.grant),
            web.get(f"{API}/resource-servers/{{id}}", self.read_api),
            web.patch(f"{API}/resource-servers/{{id}}", self.change_api),
        ]

    async def create(self, request: web.Request) -> web.Response:
        self._may(request, "create:clients")
        client = self.add_client(token_urlsafe(12), **self._checked(await request.json()))
        return web.json_response(client, status=201)

    async def read(self, request: web.Request) -> web.Response:
        return web.json_response(self._known(request, "read:clients"))

    async def change(self, request: web.Request) -> web.Response:
        client = self._known(request, "update:clients")
        client.update(self._checked(await request.json()))
        return web.json_response(client)

    async def remove(self, request: web.Request) -> web.Response:
        self._may(request, "delete:clients")
        self.clients.pop(request.match_info["id"], None)
        return web.Response(status=204)

    async def rotate(self, request: web.Request) -> web.Response:
        client = self._known(request, "update:client_keys")
        client["client_secret"] = token_urlsafe(24)
        return web.json_response(client)

    async def grant(self, request: web.Request) -> web.Response:
        self._may(request, "create:client_grants")
        sent = await request.json()
        if sent["audience"] not in self.apis:
            raise _error(404, "Not Found", f"Resource server not found: {sent['audience']}", "inexistent_audience")
        if (sent["client_id"], sent["audience"]) in self.grants:
            raise _error(409, "Conflict", "A resource with the same identifier already exists", "client_grant_conflict")
        self.grants[sent["client_id"], sent["audience"]] = " ".join(sent["scope"])
        return web.json_response({"id": f"cgr_{token_urlsafe(6)}", **sent}, status=201)

    async def read_api(self, request: web.Request) -> web.Response:
        self._may(request, "read:resource_servers")
        return web.json_response({"identifier": AUDIENCE, "scopes": self._api(request)})

    async def change_api(self, request: web.Request) -> web.Response:
        self._may(request, "update:resource_servers")
        self._api(request)[:] = (await request.json())["scopes"]
        return web.json_response({"identifier": AUDIENCE, "scopes": self._api(request)})

    def _api(self, request: web.Request) -> list[dict[str, str]]:
        found = self.apis.get(request.match_info["id"])
        if found is None:
            raise _error(404, "Not Found", "The resource server does not exist", "inexistent_resource_server")
        return found

    def _may(self, request: web.Request, scope: str) -> None:
        claims = self._bearer(request)
        if claims is None or claims.get("aud") != f"{self.issuer}api/v2/":
            raise _error(401, "Unauthorized", "Invalid token", "invalid_token")
        if scope not in claims["scope"].split():
            raise _error(403, "Forbidden", f"Insufficient scope, expected any of: {scope}", "insufficient_scope")

    def _known(self, request: web.Request, scope: str) -> dict[str, Any]:
        self._may(request, scope)
        client = self.clients.get(request.match_info["id"])
        if client is None:
            raise _error(404, "Not Found", "The client does not exist", "inexistent_client")
        return client

    def _checked(self, sent: dict[str, Any]) -> dict[str, Any]:
        known = {"name", "grant_types", "callbacks", "token_endpoint_auth_method", "app_type"}
        extra = sent.keys() - known
        if extra or sent["token_endpoint_auth_method"] not in ("none", "client_secret_post", "client_secret_basic"):
            message = f"Payload validation error: 'Additional properties not allowed: {', '.join(extra)}'."
            raise _error(400, "Bad Request", message, "invalid_body")
        return sent


def _error(status: int, error: str, message: str, code: str) -> web.HTTPException:
    return refused(status, statusCode=status, error=error, message=message, errorCode=code)
