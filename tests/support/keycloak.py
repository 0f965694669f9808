"""A stand-in for a realm of Keycloak: the OAuth 2.0 endpoints, the client registration service, the admin interface.

As Keycloak does it, the registration access token of a client is replaced whenever the client is changed by it, and an
ID token differs from an access token by its claim ``typ``.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, ClassVar

from aiohttp import web

from support.stand_in import GATEWAY, StandIn, refused

__all__ = ["INITIAL_ACCESS_TOKEN", "KeycloakServer"]

INITIAL_ACCESS_TOKEN = "initial-access-token"
REALM = "/realms/shop"
PROTOCOL = f"{REALM}/protocol/openid-connect"
REGISTRATIONS = f"{REALM}/clients-registrations/openid-connect"


class KeycloakServer(StandIn):
    path = REALM
    places: ClassVar[Mapping[str, str]] = {
        "token_endpoint": f"{PROTOCOL}/token",
        "introspection_endpoint": f"{PROTOCOL}/token/introspect",
        "revocation_endpoint": f"{PROTOCOL}/revoke",
        "jwks_uri": f"{PROTOCOL}/certs",
        "registration_endpoint": REGISTRATIONS,
    }

    def __init__(self) -> None:
        super().__init__()
        self.roles: dict[str, list[str]] = {GATEWAY["id"]: ["create-client", "manage-clients"]}

    def claims(self, client_id: str, scope: str) -> dict[str, Any]:
        return {
            "sub": f"service-account-{client_id}",
            "typ": "Bearer",
            "azp": client_id,
            "scope": scope,
            "realm_access": {"roles": ["offline_access", "clerk"]},
        }

    def routes(self) -> list[web.RouteDef]:
        admin = "/admin/realms/shop/clients"
        return [
            *super().routes(),
            web.post(REGISTRATIONS, self.register),
            web.get(REGISTRATIONS + "/{id}", self.read),
            web.put(REGISTRATIONS + "/{id}", self.change),
            web.delete(REGISTRATIONS + "/{id}", self.remove),
            web.get(admin, self.find),
            web.post(admin + "/{uuid}/client-secret", self.new_secret),
        ]

    async def register(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {INITIAL_ACCESS_TOKEN}":
            self._administrator(request, "create-client")
        sent = await request.json()
        if "client_id" in sent:
            raise refused(400, error="invalid_client_metadata", error_description="Client Identifier included")
        client = self.add_client(token_urlsafe(12), **sent, uuid=token_urlsafe(8))
        return web.json_response(self._shown(client), status=201)

    async def read(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(self._managed(request), new_token=False))

    async def change(self, request: web.Request) -> web.Response:
        client = self._managed(request)
        sent = await request.json()
        if sent.get("client_id") != client["client_id"]:
            raise refused(400, error="invalid_client_metadata", error_description="Client Identifier modified")
        client.update(sent)
        return web.json_response(self._shown(client))

    async def remove(self, request: web.Request) -> web.Response:
        del self.clients[self._managed(request)["client_id"]]
        return web.Response(status=204)

    async def find(self, request: web.Request) -> web.Response:
        self._administrator(request, "manage-clients")
        wanted = request.query["clientId"]
        found = [{"id": c["uuid"], "clientId": i} for i, c in self.clients.items() if i == wanted and "uuid" in c]
        return web.json_response(found)

    async def new_secret(self, request: web.Request) -> web.Response:
        self._administrator(request, "manage-clients")
        client = next(c for c in self.clients.values() if c.get("uuid") == request.match_info["uuid"])
        client["client_secret"] = token_urlsafe(24)
        return web.json_response({"type": "secret", "value": client["client_secret"]})

    def _administrator(self, request: web.Request, role: str) -> None:
        claims = self._bearer(request)
        if claims is None:
            raise refused(401, error="invalid_token", error_description="Failed decode token")
        if role not in self.roles.get(claims["azp"], ()):
            raise refused(403, error="insufficient_scope", error_description="Forbidden")

    def _managed(self, request: web.Request) -> dict[str, Any]:
        client = self.clients.get(request.match_info["id"])
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if client is None or client.get("registration_access_token") != shown:
            self._administrator(request, "manage-clients")
        if client is None:
            raise refused(404, error="invalid_request", error_description="Client not found")
        return client

    def _shown(self, client: dict[str, Any], *, new_token: bool = True) -> dict[str, Any]:
        if new_token:
            client["registration_access_token"] = token_urlsafe(24)
        known = {name: value for name, value in client.items() if name != "uuid"}
        place = f"{self.url}{REGISTRATIONS}/{client['client_id']}"
        return {**known, "registration_client_uri": place, "client_secret_expires_at": 0}
