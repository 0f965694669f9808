"""The authorization request: what it asks for, and whether its client may (RFC 6749, section 4.1; RFC 7636; RFC 9126).

Nothing is told to a redirect URI that is not the client's: such a mistake is shown to the user instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.credentials import digest, new_identifier, new_secret
from apim_keymanagers.resident.errors import OAuthError, invalid_request
from apim_keymanagers.resident.redirects import is_registered, with_parameters
from apim_keymanagers.resident.users import User

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server
    from apim_keymanagers.resident.sessions import Session

__all__ = ["AuthorizationRequest", "Redirected", "authorization_request", "code_for", "push"]

_REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_LONGEST: Final = 2048
_PARAMETERS: Final = (
    "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt",
    "max_age", "response_mode", "login_hint", "dpop_jkt",
)  # fmt: skip


class Redirected(Exception):
    """The request is refused, and its client is told so by way of the browser."""

    def __init__(self, location: str) -> None:
        super().__init__("redirected")
        self.location = location


@attrs.frozen
class AuthorizationRequest:
    """An authorization request that is in order."""

    client: Client
    redirect_uri: str
    named_redirect_uri: str | None
    """As the request had it; None if it relied on the one that is registered."""
    scope: str | None
    state: str | None
    nonce: str | None
    challenge: str | None
    challenge_method: str
    prompts: frozenset[str]
    max_age: int | None
    login_hint: str
    key_thumbprint: str | None
    pushed: str | None = attrs.field(default=None, repr=False)
    """Name of the entry of a pushed request, which is good once."""

    def answer(self, server: Server, **parameters: str | None) -> str:
        """Where to send the browser with an answer; ``iss`` tells from whom it is (RFC 9207, section 2)."""
        return with_parameters(self.redirect_uri, **parameters, state=self.state, iss=server.issuer)

    def refusal(self, server: Server, error: str, description: str = "") -> Redirected:
        """An error answer (RFC 6749, section 4.1.2.1)."""
        return Redirected(self.answer(server, error=error, error_description=description or None))


async def push(server: Server, asked: Asked, client: Client) -> dict[str, Any]:
    """Keep a request until its user comes (RFC 9126, section 2). Raises OAuthError."""
    if asked.get("request_uri") is not None:
        raise invalid_request("a pushed request has no request_uri")
    try:
        await _checked(server, asked, client, None)
    except Redirected as refused:
        raise invalid_request("the authorization request is not in order") from refused
    name, lifetime = new_secret(), server.settings.lifetimes.pushed_request
    kept = {name: value for name in _PARAMETERS if (value := asked.get(name)) is not None}
    await server.records.put("pushed", digest(name), {"client": client.id, "parameters": kept}, lifetime)
    return {"request_uri": _REQUEST_URI + name, "expires_in": int(lifetime)}


async def authorization_request(server: Server, asked: Asked) -> AuthorizationRequest:
    """The request of a browser. Raises OAuthError where the user has to be told, Redirected where the client is."""
    if "authorization_code" not in server.settings.grants:
        raise OAuthError("unsupported_response_type", "no codes are given here")
    client = await server.clients.find(asked.get("client_id") or "")
    if client is None:
        raise invalid_request("the client is not known")
    pushed = asked.get("request_uri")
    if pushed is None:
        if server.settings.require_pushed_requests:
            raise invalid_request("the client must push its request first")
        return await _checked(server, asked, client, None)
    name = digest(pushed.removeprefix(_REQUEST_URI))
    record = await server.records.get("pushed", name) if pushed.startswith(_REQUEST_URI) else None
    if record is None or record["client"] != client.id:
        raise invalid_request("the request_uri is not good, or has expired: begin again in the application")
    return await _checked(server, attrs.evolve(asked, parameters=record["parameters"]), client, name)


async def _checked(server: Server, asked: Asked, client: Client, pushed: str | None) -> AuthorizationRequest:
    named = asked.get("redirect_uri")
    if named is None and len(client.redirect_uris) != 1:
        raise invalid_request("the redirect_uri is missing")
    redirect_uri = client.redirect_uris[0] if named is None else named
    if not is_registered(client, redirect_uri):
        raise invalid_request("the redirect_uri is not one that the client has registered")
    request = AuthorizationRequest(
        client,
        redirect_uri,
        named,
        asked.get("scope"),
        asked.get("state"),
        asked.get("nonce"),
        asked.get("code_challenge"),
        asked.get("code_challenge_method") or "plain",
        frozenset((asked.get("prompt") or "").split()),
        None,
        (asked.get("login_hint") or "")[:200],
        asked.get("dpop_jkt"),
        pushed,
    )
    problem = _problem(server, request, asked)
    if problem is not None:
        raise request.refusal(server, *problem)
    if (max_age := asked.get("max_age")) is not None:
        request = attrs.evolve(request, max_age=int(max_age))
    try:
        await server.scopes.granted(client, request.scope, None)
    except OAuthError as error:
        raise request.refusal(server, error.error, error.description) from error
    return request


def _problem(server: Server, request: AuthorizationRequest, asked: Asked) -> tuple[str, str] | None:
    """What is wrong with a request, by error code and description."""
    client = request.client
    if asked.get("response_type") != "code":
        return "unsupported_response_type", "the response_type must be code"
    if "authorization_code" not in client.grant_types:
        return "unauthorized_client", "the client may not use codes"
    if asked.get("response_mode") not in (None, "query"):
        return "invalid_request", "the response_mode must be query"
    if asked.get("request") is not None:
        return "request_not_supported", "request objects are not supported: push the request"
    if any(len(value) > _LONGEST for value in asked.parameters.values()):
        return "invalid_request", "a parameter is too long"
    if request.challenge is None:
        if client.require_pkce or client.public or asked.get("code_challenge_method") is not None:
            return "invalid_request", "the code_challenge is missing"
    elif _CHALLENGE.fullmatch(request.challenge) is None:
        return "invalid_request", "the code_challenge is not well-formed"
    elif request.challenge_method != "S256" and not (
        request.challenge_method == "plain" and server.settings.allow_plain_pkce
    ):
        return "invalid_request", "the code_challenge_method must be S256"
    if not request.prompts <= _PROMPTS or ("none" in request.prompts and len(request.prompts) > 1):
        return "invalid_request", "the prompt is not known"
    if not re.fullmatch(r"\d{1,9}", asked.get("max_age") or "0"):
        return "invalid_request", "the max_age is no number of seconds"
    return None


async def code_for(server: Server, request: AuthorizationRequest, session: Session, user: User) -> str:
    """The location with a code, for a user who has consented. Raises Redirected."""
    if request.pushed is not None and await server.records.take("pushed", request.pushed) is None:
        raise request.refusal(server, "invalid_request", "the pushed request was used before")
    scopes = await server.scopes.granted(request.client, request.scope, user)
    code = new_secret()
    record = {
        "client": request.client.id,
        "redirect_uri": request.named_redirect_uri,
        "challenge": request.challenge,
        "challenge_method": request.challenge_method,
        "subject": user.name,
        "scopes": list(scopes),
        "nonce": request.nonce,
        "auth_time": session.auth_time,
        "dpop_jkt": request.key_thumbprint,
        "family": new_identifier(),
    }
    await server.records.put("code", digest(code), record, server.settings.lifetimes.code)
    return request.answer(server, code=code)
