"""A stand-in for PingFederate, whose metadata does not name all of its endpoints; its scopes are a list."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, ClassVar

from aiohttp import web

from support.stand_in import StandIn, refused

__all__ = ["PingServer"]


class PingServer(StandIn):
    places: ClassVar[Mapping[str, str]] = {
        "token_endpoint": "/as/token.oauth2",
        "introspection_endpoint": "/as/introspect.oauth2",
        "revocation_endpoint": "/as/revoke_token.oauth2",
        "jwks_uri": "/pf/JWKS",
    }
    in_metadata = frozenset({"jwks_uri", "token_endpoint"})

    def claims(self, client_id: str, scope: str) -> dict[str, Any]:
        return {"client_id": client_id, "scope": scope.split()}

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.post("/as/clients.oauth2", self.register)]

    async def register(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer initial-access-token":
            raise refused(401, error="invalid_token", error_description="An initial access token is required")
        return web.json_response(self.add_client(token_urlsafe(12), **await request.json()), status=201)
