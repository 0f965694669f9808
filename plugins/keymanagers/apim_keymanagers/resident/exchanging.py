"""A token for a token (RFC 8693), and a token for an assertion (RFC 7523)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.credentials import digest
from apim_keymanagers.resident.errors import OAuthError, invalid_grant, invalid_request
from apim_keymanagers.resident.granting import Granted, about
from apim_keymanagers.resident.jws import InvalidAssertion, parts_of
from apim_keymanagers.resident.tokens import Authorization
from apim_keymanagers.resident.trust import Foreign
from apim_keymanagers.resident.users import User

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["jwt_bearer", "token_exchange"]

_TYPE: Final = "urn:ietf:params:oauth:token-type:"
_SUBJECT_TYPES: Final = frozenset({f"{_TYPE}{name}" for name in ("jwt", "access_token", "id_token")})
_REQUESTED_TYPES: Final = frozenset({f"{_TYPE}{name}" for name in ("jwt", "access_token")})
_LONGEST_CHAIN: Final = 5
"""How many clients may have exchanged a token one after the other (the depth of ``act``)."""


async def token_exchange(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """RFC 8693, section 2. What comes out expires no later than what goes in, so no exchange prolongs a token."""
    if client.public:
        raise OAuthError("unauthorized_client", "a public client may not exchange tokens")
    token = asked.need("subject_token")
    requested = asked.get("requested_token_type") or f"{_TYPE}access_token"
    if asked.need("subject_token_type") not in _SUBJECT_TYPES or requested not in _REQUESTED_TYPES:
        raise invalid_request("the type of token is not supported")
    if asked.get("actor_token") is not None:
        raise invalid_request("actor tokens are not supported: the client itself is the actor")
    audience = _target(server, asked, client)
    if _is_ours(server, token):
        authorization = await _of_own(server, asked, client, token)
    else:
        foreign = await server.trust.verified(token, (server.issuer, server.url("/token"), client.id))
        authorization = await _of_foreign(server, asked, client, foreign)
    authorization = attrs.evolve(authorization, audience=audience)
    return Granted(authorization, without_id_token=True, more={"issued_token_type": requested})


async def jwt_bearer(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """RFC 7523, section 2.1. An assertion is good once, where it has a ``jti``."""
    foreign = await server.trust.verified(asked.need("assertion"), (server.issuer, server.url("/token")))
    token_id = foreign.claims.get("jti")
    if isinstance(token_id, str):
        name = digest(f"{foreign.key_manager}\0{token_id}")
        left = foreign.expires - server.now() + 60
        if not await server.records.add("assertion", name, {"expires": foreign.expires}, left):
            raise invalid_grant("the assertion was used before")
    return Granted(await _of_foreign(server, asked, client, foreign), without_id_token=True)


def _is_ours(server: Server, token: str) -> bool:
    if token.count(".") != 2:
        return True
    try:
        return parts_of(token)[1].get("iss") == server.issuer
    except InvalidAssertion as error:
        raise invalid_grant(f"the token is not accepted: {error}") from error


def _target(server: Server, asked: Asked, client: Client) -> tuple[str, ...]:
    """Who alone the new token is to be for (RFC 8693, section 2.1; RFC 8707, section 2); nobody if it is not said."""
    allowed = client.audience or server.settings.audience or (server.issuer,)
    named = {name: value for name in ("audience", "resource") if (value := asked.get(name)) is not None}
    for name, value in named.items():
        if value not in allowed:
            raise OAuthError("invalid_target", f"the {name} is not one that the client may ask for")
    return tuple(dict.fromkeys(named.values()))


async def _of_own(server: Server, asked: Asked, client: Client, token: str) -> Authorization:
    """A token of ours, by its own client or by whom it is for; for no more than it is good for, and than the client may
    have at all."""
    claims = await server.tokens.introspect(token)
    if claims is None:
        raise invalid_grant("the token is not good")
    named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if "cnf" in claims or not (client.introspects or client.id == claims["client_id"] or client.id in named):
        raise invalid_grant("the token is not for this client, or bound to a key")
    had = [name for name in claims["scope"].split() if not client.scopes or name in client.scopes]
    wanted = (asked.get("scope") or "").split() or had
    if not set(wanted) <= set(had):
        raise OAuthError("invalid_scope", "more scopes are asked for than the token has, or the client may ask for")
    by_user = claims["aut"] == "APPLICATION_USER"
    return Authorization(
        client,
        claims["sub"],
        tuple(wanted),
        by_user,
        {"roles": claims["roles"]} if "roles" in claims else {},
        _actor(client, claims),
        expires=claims["exp"],
    )


async def _of_foreign(server: Server, asked: Asked, client: Client, foreign: Foreign) -> Authorization:
    here = await server.users.find(foreign.subject)
    if here is not None and not foreign.same_users:
        raise invalid_grant("the token's subject has the name of a user here")
    user = here or User(foreign.subject)
    scopes = await server.scopes.granted(client, asked.get("scope"), user)
    return Authorization(
        client,
        foreign.subject,
        scopes,
        True,
        about(user, scopes),
        _actor(client, foreign.claims),
        expires=foreign.expires,
    )


def _actor(client: Client, claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """The client, in front of those who acted before (RFC 8693, section 4.1). Raises OAuthError past five."""
    before = claims.get("act")
    depth, actor = 1, before
    while isinstance(actor, Mapping):
        depth, actor = depth + 1, actor.get("act")
        if depth > _LONGEST_CHAIN:
            raise invalid_grant(f"the token has been exchanged {_LONGEST_CHAIN} times already")
    return {"sub": client.id, "act": before} if isinstance(before, Mapping) else {"sub": client.id}
