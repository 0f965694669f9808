"""The token endpoint: what each grant comes to (RFC 6749, section 4)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.client_authentication import thumbprint_of_certificate
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.credentials import challenge_of, digest, new_identifier
from apim_keymanagers.resident.device import device_code
from apim_keymanagers.resident.dpop import thumbprint_of_proof
from apim_keymanagers.resident.errors import OAuthError, invalid_grant, invalid_request
from apim_keymanagers.resident.exchanging import jwt_bearer, token_exchange
from apim_keymanagers.resident.granting import Granted, about
from apim_keymanagers.resident.scopes import STANDARD
from apim_keymanagers.resident.tokens import Authorization

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["token_answer"]


async def token_answer(server: Server, asked: Asked, client: Client) -> dict[str, Any]:
    """The answer to a token request of a client that has been identified. Raises OAuthError."""
    grant_type = asked.need("grant_type")
    grant = _GRANTS.get(grant_type)
    if grant is None or grant_type not in server.settings.grants:
        raise OAuthError("unsupported_grant_type", "the grant is not known here, or not allowed")
    if grant_type not in client.grant_types:
        raise OAuthError("unauthorized_client", "the client may not use this grant")
    thumbprint = await thumbprint_of_proof(server, asked) if asked.proofs else None
    if client.dpop and thumbprint is None:
        raise OAuthError("invalid_dpop_proof", "the client's tokens are bound to a key: send a DPoP proof")
    granted = await grant(server, asked, client, thumbprint)
    return await _answer(server, granted, client, _confirmation(asked, client, thumbprint))


def _confirmation(asked: Asked, client: Client, thumbprint: str | None) -> Mapping[str, str] | None:
    """What the token is to be bound to: a key that was proved, a certificate that was shown."""
    bound = {} if thumbprint is None else {"jkt": thumbprint}
    if client.certificate_bound:
        if asked.certificate is None:
            raise invalid_request("the client's tokens are bound to its certificate: show it")
        bound["x5t#S256"] = thumbprint_of_certificate(asked.certificate)
    return bound or None


async def _answer(
    server: Server, granted: Granted, client: Client, confirmation: Mapping[str, str] | None
) -> dict[str, Any]:
    authorization = granted.authorization
    if confirmation is not None:
        authorization = attrs.evolve(authorization, confirmation=confirmation)
    access = authorization  # an access token says less about the user than an ID token
    if authorization.claims and not authorization.claims.keys() <= {"roles"}:
        claims = {name: value for name, value in authorization.claims.items() if name == "roles"}
        access = attrs.evolve(authorization, claims=claims)
    issued = await server.tokens.issue(access, reuse=granted.reuse)
    answer: dict[str, Any] = {
        "access_token": issued.token,
        "token_type": "Bearer" if confirmation is None or "jkt" not in confirmation else "DPoP",
        "expires_in": max(0, int(issued.expires) - int(server.now())),
        "scope": " ".join(authorization.scopes),
    }
    if granted.family is not None:
        answer["refresh_token"] = await server.families.rotate(granted.family, client, issued)
    elif granted.begins is not None:
        refreshable = "refresh_token" in client.grant_types and "refresh_token" in server.settings.grants
        bound = access if client.public else attrs.evolve(access, confirmation=None)
        refresh_token = await server.families.begin(granted.begins, bound, issued, refreshable=refreshable)
        if refresh_token is not None:
            answer["refresh_token"] = refresh_token
    if authorization.by_user and "openid" in authorization.scopes and not granted.without_id_token:
        answer["id_token"] = await server.tokens.id_token(authorization, granted.nonce)
    return {**answer, **granted.more} if granted.more else answer


async def _client_credentials(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """RFC 6749, section 4.4."""
    if client.public:
        raise OAuthError("unauthorized_client", "a public client has no credentials")
    scopes = await server.scopes.granted(client, asked.get("scope"), None)
    if not STANDARD.keys().isdisjoint(scopes):
        scopes = tuple(name for name in scopes if name not in STANDARD)  # which are about a user, and there is none
    return Granted(Authorization(client, client.id, scopes), reuse=True)


async def _password(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """RFC 6749, section 4.3."""
    user = await server.users.verify(asked.need("username"), asked.need("password"), asked.address)
    if user is None:
        raise invalid_grant("the user is unknown or the password is wrong")
    scopes = await server.scopes.granted(client, asked.get("scope"), user)
    authorization = Authorization(client, user.name, scopes, True, about(user, scopes), auth_time=server.now())
    return Granted(authorization, begins=new_identifier(), reuse="refresh_token" not in client.grant_types)


async def _authorization_code(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """RFC 6749, section 4.1.3; RFC 7636, section 4.6. A code that comes twice ends what it came to the first time."""
    name = digest(asked.need("code"))
    record = await server.records.get("code", name)
    if record is None:
        raise invalid_grant("the code is not good")
    if "used" in record:
        await server.families.revoke(record["used"])
        raise invalid_grant("the code is not good")
    if record["client"] != client.id or record["redirect_uri"] not in (None, asked.get("redirect_uri")):
        raise invalid_grant("the code is for another client or redirect URI")
    if record["dpop_jkt"] not in (None, thumbprint):
        raise invalid_grant("the code is bound to another key")
    _check_verifier(record, asked.get("code_verifier"))
    used = {"used": record["family"]}
    if not await server.records.change("code", name, record, used, server.settings.lifetimes.refresh_token):
        await server.families.revoke(record["family"])
        raise invalid_grant("the code is not good")
    user = await server.users.find(record["subject"])
    if user is None or record["auth_time"] < user.changed:
        raise invalid_grant("the user is gone, or has another password")
    scopes = tuple(record["scopes"])
    authorization = Authorization(client, user.name, scopes, True, about(user, scopes), auth_time=record["auth_time"])
    return Granted(authorization, begins=record["family"], nonce=record["nonce"])


def _check_verifier(record: Mapping[str, Any], verifier: str | None) -> None:
    """PKCE, with no way around it in either direction (RFC 9700, section 4.8)."""
    challenge = record["challenge"]
    if challenge is None:
        if verifier is not None:
            raise invalid_grant("there is a code_verifier, but the authorization request had no code_challenge")
        return
    if verifier is None:
        raise invalid_grant("the code_verifier is missing")
    if not 43 <= len(verifier) <= 128:
        raise invalid_grant("a code_verifier has 43 to 128 characters")
    made = challenge_of(verifier) if record["challenge_method"] == "S256" else verifier
    if not hmac.compare_digest(made.encode(), challenge.encode()):
        raise invalid_grant("the code_verifier is wrong")


async def _refresh_token(server: Server, asked: Asked, client: Client, thumbprint: str | None) -> Granted:
    """RFC 6749, section 6."""
    family = await server.families.find(asked.need("refresh_token"), client)
    granted = family.authorization(client)
    if granted.confirmation is not None and granted.confirmation != _confirmation(asked, client, thumbprint):
        raise OAuthError("invalid_dpop_proof", "the refresh token is bound to another key")
    wanted = (asked.get("scope") or "").split()
    if not set(wanted) <= set(granted.scopes):
        raise OAuthError("invalid_scope", "more scopes are asked for than were granted")
    if not granted.by_user:
        return Granted(granted, family)
    user = await server.users.find(granted.subject)
    if user is None or (granted.auth_time or 0.0) < user.changed:
        await server.families.revoke(family.id)
        raise invalid_grant("the user is gone, or has another password")
    scopes = tuple(name for name in granted.scopes if not wanted or name in wanted)
    if scopes:
        scopes = await server.scopes.granted(client, " ".join(scopes), user)
    return Granted(attrs.evolve(granted, scopes=scopes, claims=about(user, scopes)), family)


Grant = Callable[["Server", Asked, Client, str | None], Awaitable[Granted]]

_GRANTS: Final[Mapping[str, Grant]] = MappingProxyType(
    {
        "authorization_code": _authorization_code,
        "client_credentials": _client_credentials,
        "password": _password,
        "refresh_token": _refresh_token,
        "urn:ietf:params:oauth:grant-type:device_code": device_code,
        "urn:ietf:params:oauth:grant-type:jwt-bearer": jwt_bearer,
        "urn:ietf:params:oauth:grant-type:token-exchange": token_exchange,
    }
)
