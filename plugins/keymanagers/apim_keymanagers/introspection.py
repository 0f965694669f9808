"""What an authorization server says of a token (RFC 7662), in a signed answer if it comes as one (RFC 9701)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Final

from apim_sdk import Fetched

from apim_keymanagers.answers import BadAnswer, json_object, refuse
from apim_keymanagers.client_authentication import Authentication
from apim_keymanagers.endpoints import JSON, Endpoints
from apim_keymanagers.keyset import Keys
from apim_keymanagers.signed_answers import verified

__all__ = ["introspect"]

_SIGNED: Final = "application/token-introspection+jwt"
_OTHER_KINDS: Final = frozenset({"refresh", "refresh_token", "offline", "id", "id_token"})
_CLOCKS: Final = 300.0
"""How far the clock of the server and ours may be apart, in seconds."""

FindKeys = Callable[[str | None], "Keys | Awaitable[Keys]"]


async def introspect(
    endpoints: Endpoints, token: str, client: Authentication | None, keys: FindKeys, *, signed: bool
) -> Mapping[str, Any]:
    """The server's word on a token: its claims, with ``active``. ``signed`` says that only a signed answer counts.

    Raises KeyManagerError where the server refuses to say, OSError where it cannot now.
    """
    place = await endpoints.url("introspection_endpoint")
    answer = await endpoints.form(
        place, {"token": token, "token_type_hint": "access_token"}, client, _SIGNED if signed else JSON
    )
    if answer.status == 200 and _kind(answer) == _SIGNED:
        audience = "" if client is None else client.id
        content = await _signed_claims(endpoints, answer, audience, keys, place)
    elif signed:
        if answer.status >= 400:
            refuse(answer, place)
        raise BadAnswer(f"{place} does not sign its answers")
    else:
        content = json_object(answer, place)
    if not isinstance(content.get("active"), bool):
        raise BadAnswer(f"{place} does not answer whether the token is active")
    return content if content["active"] and not _of_another_kind(content) else {"active": False}


def _of_another_kind(content: Mapping[str, Any]) -> bool:
    """Whether the server says that it is a refresh or an ID token, which a resource must not take for an access token.

    Keycloak says so in ``typ``, WSO2 Identity Server in ``token_type``, others in ``token_use``.
    """
    said = {content.get(name) for name in ("typ", "token_type", "token_use") if isinstance(content.get(name), str)}
    return not _OTHER_KINDS.isdisjoint(str(each).lower() for each in said)


async def _signed_claims(
    endpoints: Endpoints, answer: Fetched, audience: str, keys: FindKeys, place: str
) -> Mapping[str, Any]:
    """The member ``token_introspection`` of a signed answer (RFC 9701, section 5) that is for us, and fresh."""

    async def find(key_id: str | None) -> Keys:
        found = keys(key_id)
        return await found if isawaitable(found) else found

    try:
        claims = await verified(answer.body.decode().strip(), find, "token-introspection+jwt")
    except ValueError as error:
        raise BadAnswer(f"{place} answers with a signature that is no good: {error}") from error
    audiences = claims.get("aud")
    if claims.get("iss") != endpoints.issuer or audience not in (
        audiences if isinstance(audiences, list) else [audiences]
    ):
        raise BadAnswer(f"{place} signs an answer that is by another issuer, or for another client")
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise BadAnswer(f"{place} signs an answer without its time (iat)")
    if abs(issued - endpoints.clock.now()) > _CLOCKS:
        raise BadAnswer(f"{place} signs an answer that is not of now")
    content = claims.get("token_introspection")
    if not isinstance(content, dict):
        raise BadAnswer(f"{place} signs an answer that says nothing of the token")
    return content


def _kind(answer: Fetched) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()
