"""A stand-in for an organisation of Okta with one authorization server: OAuth 2.0, clients and scopes by API token."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, ClassVar

from aiohttp import web

from support.stand_in import StandIn, refused

__all__ = ["API_TOKEN", "OktaServer"]

API_TOKEN = "00-an-api-token"
SERVER = "/oauth2/default"
CLIENTS = "/oauth2/v1/clients"
SCOPES = "/api/v1/authorizationServers/default/scopes"


class OktaServer(StandIn):
    path = SERVER
    places: ClassVar[Mapping[str, str]] = {
        "token_endpoint": f"{SERVER}/v1/token",
        "introspection_endpoint": f"{SERVER}/v1/introspect",
        "revocation_endpoint": f"{SERVER}/v1/revoke",
        "jwks_uri": f"{SERVER}/v1/keys",
        "registration_endpoint": CLIENTS,
    }

    def __init__(self) -> None:
        super().__init__()
        self.scopes = {"openid", "orders.read"}

    def claims(self, client_id: str, scope: str) -> dict[str, Any]:
        return {"ver": 1, "sub": client_id, "cid": client_id, "scp": scope.split(), "aud": "api://default"}

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.post(CLIENTS, self.register),
            web.get(CLIENTS + "/{id}", self.read),
            web.put(CLIENTS + "/{id}", self.change),
            web.delete(CLIENTS + "/{id}", self.remove),
            web.post(CLIENTS + "/{id}/lifecycle/newSecret", self.new_secret),
            web.get(SCOPES, self.list_scopes),
            web.post(SCOPES, self.add_scope),
        ]

    async def register(self, request: web.Request) -> web.Response:
        self._administrator(request)
        sent = await request.json()
        self._check(sent)
        client = self.add_client(f"0oa{token_urlsafe(8)}", **sent)
        return web.json_response({**client, "client_secret_expires_at": 0}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        client = self._known(request)
        return web.json_response({name: value for name, value in client.items() if name != "client_secret"})

    async def change(self, request: web.Request) -> web.Response:
        client = self._known(request)
        sent = await request.json()
        self._check(sent)
        kept = client["client_secret"]
        client.clear()
        client.update({**sent, "client_secret": kept})
        return web.json_response({name: value for name, value in client.items() if name != "client_secret"})

    async def remove(self, request: web.Request) -> web.Response:
        del self.clients[self._known(request)["client_id"]]
        return web.Response(status=204)

    async def new_secret(self, request: web.Request) -> web.Response:
        client = self._known(request)
        client["client_secret"] = token_urlsafe(24)
        return web.json_response(client)

    async def list_scopes(self, request: web.Request) -> web.Response:
        self._administrator(request)
        return web.json_response([{"id": f"scp{name}", "name": name} for name in sorted(self.scopes)])

    async def add_scope(self, request: web.Request) -> web.Response:
        self._administrator(request)
        sent = await request.json()
        if sent["name"] in self.scopes:
            raise _invalid("scope: there is one of that name")
        self.scopes.add(sent["name"])
        return web.json_response(sent, status=201)

    def _administrator(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"SSWS {API_TOKEN}":
            raise refused(401, errorCode="E0000011", errorSummary="Invalid token provided", errorCauses=[])

    def _known(self, request: web.Request) -> dict[str, Any]:
        self._administrator(request)
        client = self.clients.get(request.match_info["id"])
        if client is None:
            summary = f"Not found: Resource not found: {request.match_info['id']} (PublicClientApp)"
            raise refused(404, errorCode="E0000007", errorSummary=summary, errorCauses=[])
        return client

    def _check(self, sent: dict[str, Any]) -> None:
        kind, grants = sent.get("application_type"), sent.get("grant_types", [])
        if (kind == "service") != (grants == ["client_credentials"]):
            raise _invalid(f"grant_types: {grants} are not allowed for an application of the type {kind}")
        if kind == "service" and sent.get("response_types") != ["token"]:
            raise _invalid("response_types: a service has `token`")


def _invalid(summary: str) -> web.HTTPException:
    return refused(400, errorCode="E0000001", errorSummary=f"Api validation failed: {summary}", errorCauses=[])
