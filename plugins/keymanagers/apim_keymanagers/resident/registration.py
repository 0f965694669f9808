"""Clients that register themselves: RFC 7591, RFC 7592, and the form that WSO2 API Manager and its tools speak.

Whoever registers over HTTP is a stranger until shown otherwise: a client may get scopes that need a role only from a
user who has the role.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
from apim_sdk import ClientRegistration

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.client_authentication import basic_credentials
from apim_keymanagers.resident.clients import Client, ClientSecret
from apim_keymanagers.resident.credentials import digest, matches, new_identifier, new_secret
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.managing import Managing, check
from apim_keymanagers.resident.userinfo import bearer_token
from apim_keymanagers.resident.users import User

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["change_client", "register", "register_by_name", "remove_client", "show_client"]

_MOST_SECRETS: Final = 5
"""Secrets of a client that are good at the same time, where each registration under its name gives it one more."""
_TRIES: Final = 5
_ANYBODY: Final = "anybody"


async def register(server: Server, asked: Asked, document: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7591, section 3. Raises OAuthError."""
    who = await _registrar(server, asked)
    client = await _client(server, Client(new_identifier(), created=server.now()), document, who)
    token = new_secret()
    client, secret = _with_secret(server, attrs.evolve(client, registration_token=digest(token)))
    await server.clients.add(client)
    return {**_shown(server, client, secret), "registration_access_token": token}


async def show_client(server: Server, asked: Asked, client_id: str) -> dict[str, Any]:
    """RFC 7592, section 2.1. Raises OAuthError."""
    return _shown(server, await _own(server, asked, client_id), None)


async def change_client(server: Server, asked: Asked, client_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7592, section 2.2. Raises OAuthError. Scopes that it had stay its own; more need what registering needs."""
    old = await _own(server, asked, client_id)
    if document.get("client_id", client_id) != client_id:
        raise _metadata("the client_id cannot be changed")
    if "client_secret" in document and not old.knows(str(document["client_secret"]), server.now()):
        raise _metadata("the client_secret cannot be chosen")
    new = await _client(server, old, document, None)
    secret = None
    if not new.secrets:
        new, secret = _with_secret(server, new)
    if old != new and not await server.clients.change(old, new):
        raise OAuthError("temporarily_unavailable", "the client is being changed by somebody else", status=503)
    return _shown(server, new, secret)


async def remove_client(server: Server, asked: Asked, client_id: str) -> None:
    """RFC 7592, section 2.3. Raises OAuthError."""
    client = await _own(server, asked, client_id)
    await Managing(server).delete_by_id(client.id)


async def register_by_name(server: Server, asked: Asked, document: Mapping[str, Any]) -> dict[str, Any]:
    """The form of WSO2's ``/client-registration/v0.17/register``: the same name of the same owner is the same client.

    Secrets are kept hashed, so that it comes with a new secret each time, beside the last four. Who has shown nothing
    owns nothing, and gets a new client each time; who has the token for it owns none of a user. Raises OAuthError.
    """
    who = await _registrar(server, asked)
    name = document.get("clientName")
    if not isinstance(name, str) or not name:
        raise _metadata("the clientName is missing")
    owner = who.name if who is not None else str(document.get("owner") or "")
    wanted = [grant for grant in str(document.get("grantType") or "").split() if grant in server.settings.grants]
    callback = str(document.get("callbackUrl") or "")
    registration = {
        "client_name": name,
        "grant_types": wanted,
        "redirect_uris": [callback] if "authorization_code" in wanted and callback else [],
        "scope": str(document.get("tokenScope") or ""),
    }
    if asked.authorization is None:
        client, secret = await _unnamed(server, registration, owner)
    else:
        place = digest(f"{owner}\0{name}" if who is not None else f"\0{owner}\0{name}")
        client, secret = await _named(server, place, registration, owner, who)
    shown = {"grant_types": " ".join(client.grant_types), "redirect_uris": " ".join(client.redirect_uris)}
    return {
        "clientId": client.id,
        "clientName": client.name,
        "callBackURL": " ".join(client.redirect_uris),
        "clientSecret": secret,
        "isSaasApplication": bool(document.get("saasApp", False)),
        "appOwner": owner,
        "jsonString": json.dumps(shown),
        "jsonAppAttribute": "{}",
        "applicationUUID": None,
        "tokenType": "JWT",
    }


async def _unnamed(server: Server, registration: Mapping[str, Any], owner: str) -> tuple[Client, str | None]:
    """A client of whoever asks, which no other registration is to find."""
    fresh = Client(new_identifier(), created=server.now(), owner=owner or None, require_pkce=False)
    client, secret = _with_secret(server, await _client(server, fresh, registration, None))
    await server.clients.add(client)
    return client, secret


async def _named(
    server: Server, place: str, registration: Mapping[str, Any], owner: str, who: User | None
) -> tuple[Client, str | None]:
    """The client of a name, made or changed, with one more secret."""
    for _ in range(_TRIES):
        known = await server.records.get("client-name", place)
        client_id = new_identifier() if known is None else known["client"]
        if known is None and not await server.records.add("client-name", place, {"client": client_id}):
            continue
        old = await server.clients.find(client_id)
        fresh = Client(client_id, created=server.now(), owner=owner or None, require_pkce=False)
        client, secret = _with_secret(server, await _client(server, old or fresh, registration, who))
        if await (server.clients.add(client) if old is None else server.clients.change(old, client)):
            return client, secret
    raise OAuthError("temporarily_unavailable", "the client is being changed by somebody else", status=503)


async def _registrar(server: Server, asked: Asked) -> User | None:
    """Who registers: a user with the role for it, or somebody with the token for it.

    Raises OAuthError, also (429) where too many have registered who showed nothing.
    """
    settings = server.settings.registration
    scheme = (asked.authorization or "").partition(" ")[0].lower()
    if scheme == "basic" and settings.roles:
        name, password = basic_credentials(asked.authorization or "")
        user = await server.users.verify(name, password, asked.address)
        if user is not None and not user.roles.isdisjoint(settings.roles):
            return user
    elif scheme == "bearer" and settings.initial_access_token is not None:
        if hmac.compare_digest(
            digest(bearer_token(asked.authorization)), digest(settings.initial_access_token.reveal())
        ):
            return None
    elif settings.open and asked.authorization is None:
        server.registrations.check(_ANYBODY, asked.address)
        server.registrations.count(_ANYBODY, asked.address)
        return None
    headers = {"WWW-Authenticate": 'Basic realm="client registration"' if settings.roles else "Bearer"}
    raise OAuthError("invalid_token", "you may not register clients", status=401, headers=headers)


async def _own(server: Server, asked: Asked, client_id: str) -> Client:
    """The client, if the request carries its registration token. Raises OAuthError."""
    token = bearer_token(asked.authorization)
    client = await server.clients.find(client_id)
    kept = None if client is None else client.registration_token
    if not matches(token, kept or digest("")) or client is None or kept is None:
        raise OAuthError("invalid_token", "the registration access token is not good", status=401)
    return client


async def _client(server: Server, client: Client, document: Mapping[str, Any], who: User | None) -> Client:
    """The client with the settings of a document (RFC 7591, section 2). Raises OAuthError."""
    method = _text(document, "token_endpoint_auth_method", "client_secret_basic")
    registration = ClientRegistration(
        _text(document, "client_name", ""),
        _texts(document, "grant_types", ("authorization_code",)),
        _texts(document, "redirect_uris", ()),
        tuple(dict.fromkeys(_text(document, "scope", "").split())),
        method,
    )
    check(server, registration)
    if _texts(document, "response_types", ("code",)) not in (("code",), ()):
        raise _metadata("the only response type is code")
    if "jwks_uri" in document or "software_statement" in document or "request_object_signing_alg" in document:
        raise _metadata("jwks_uri, software statements and request objects are not supported: send jwks")
    known = await server.scopes.known()
    for name in registration.scopes:
        needed = frozenset(known[name].roles) if name in known else None
        allowed = needed is not None and (not needed or (who is not None and not needed.isdisjoint(who.roles)))
        if not allowed and name not in client.scopes:
            raise _metadata("a scope is not known, or not for the taking")
    return attrs.evolve(
        client,
        name=registration.name or client.id,
        grant_types=registration.grant_types,
        redirect_uris=registration.redirect_uris,
        scopes=registration.scopes,
        auth_method=method,
        keys=_keys(document, method),
        secrets=client.secrets if method.startswith("client_secret") else (),
        certificate=_certificate(document, method),
        require_pkce=client.require_pkce or method == "none",
        dpop=document.get("dpop_bound_access_tokens") is True,
        owner=client.owner or (None if who is None else who.name),
    )


def _with_secret(server: Server, client: Client) -> tuple[Client, str | None]:
    """The client with one more secret, if it is one that has secrets."""
    if not client.auth_method.startswith("client_secret"):
        return client, None
    secret, lifetime, now = new_secret(), server.settings.registration.secret_lifetime, server.now()
    kept = [each for each in client.secrets if each.expires is None or each.expires > now]
    new = ClientSecret(digest(secret), None if lifetime is None else now + lifetime)
    return attrs.evolve(client, secrets=(*kept[-_MOST_SECRETS + 1 :], new)), secret


def _shown(server: Server, client: Client, secret: str | None) -> dict[str, Any]:
    """The client information response (RFC 7591, section 3.2.1)."""
    shown: dict[str, Any] = {
        "client_id": client.id,
        "client_id_issued_at": int(client.created),
        "client_name": client.name,
        "grant_types": list(client.grant_types),
        "redirect_uris": list(client.redirect_uris),
        "response_types": ["code"] if "authorization_code" in client.grant_types else [],
        "scope": " ".join(client.scopes),
        "token_endpoint_auth_method": client.auth_method,
        "registration_client_uri": server.url(f"/register/{client.id}"),
    }
    if client.secrets:
        shown["client_secret_expires_at"] = int(client.secret_expires or 0)
    if client.keys:
        shown["jwks"] = {"keys": [dict(key) for key in client.keys]}
    if client.dpop:
        shown["dpop_bound_access_tokens"] = True
    return shown if secret is None else {**shown, "client_secret": secret}


def _keys(document: Mapping[str, Any], method: str) -> tuple[Mapping[str, Any], ...]:
    jwks = document.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if keys is None and method != "private_key_jwt":
        return ()
    if not isinstance(keys, list) or not 0 < len(keys) <= 20 or not all(isinstance(key, dict) for key in keys):
        raise _metadata("private_key_jwt needs jwks, with one to twenty keys")
    if any("d" in key or "k" in key for key in keys):
        raise _metadata("jwks holds public keys only")
    return tuple(keys)


def _certificate(document: Mapping[str, Any], method: str) -> str | None:
    if method == "self_signed_tls_client_auth":
        raise _metadata("self-signed certificates are for clients of the settings")
    subject = document.get("tls_client_auth_subject_dn")
    if method == "tls_client_auth" and not (isinstance(subject, str) and subject):
        raise _metadata("tls_client_auth needs tls_client_auth_subject_dn")
    return subject if method == "tls_client_auth" else None


def _text(document: Mapping[str, Any], name: str, default: str) -> str:
    value = document.get(name, default)
    if not isinstance(value, str):
        raise _metadata(f"{name} is no text")
    return value


def _texts(document: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _metadata(f"{name} is no list of texts")
    return tuple(dict.fromkeys(value))


def _metadata(description: str) -> OAuthError:
    return OAuthError("invalid_client_metadata", description)
