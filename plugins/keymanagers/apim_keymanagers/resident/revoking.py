"""Asking about tokens, and taking them back (RFC 7662, RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.clients import Client

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["introspection_answer", "revoke_token"]


async def introspection_answer(server: Server, asked: Asked, client: Client) -> dict[str, Any]:
    """What a client is told of a token: of others' only that it is not active, unless it may ask about those."""
    token = asked.need("token")
    claims = await server.tokens.introspect(token)
    kind = "DPoP" if claims is not None and "jkt" in claims.get("cnf", ()) else "Bearer"
    if claims is None:
        claims = await server.families.introspect(token)
    if claims is None or not (client.introspects or _concerns(client, claims)):
        return {"active": False}
    answer = {"active": True, "token_type": kind, **claims}
    if claims.get("aut") == "APPLICATION_USER":
        answer["username"] = claims["sub"]
    return answer


async def revoke_token(server: Server, token: str, client: Client | None) -> bool:
    """Revoke a token of the client, of anybody if it is None; whether there was one. Tokens of others are let be."""
    claims = await server.tokens.introspect(token)
    if claims is not None:
        if client is not None and claims["client_id"] != client.id:
            return False
        await server.tokens.revoke(claims)
        return True
    if client is None:
        found = await server.families.introspect(token)
        client = None if found is None else await server.clients.find(found["client_id"])
    return client is not None and await server.families.revoke_token(token, client)


def _concerns(client: Client, claims: Any) -> bool:
    named = claims.get("aud", ())
    return bool(claims["client_id"] == client.id or client.id in ([named] if isinstance(named, str) else named))
