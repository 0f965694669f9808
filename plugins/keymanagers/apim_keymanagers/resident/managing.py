"""The server as the gateway's own key manager: what a platform does with clients and tokens, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
from apim_sdk import ClientField, ClientRegistration, IssuedToken, RegisteredClient, Secret

from apim_keymanagers.resident.asked import Asked
from apim_keymanagers.resident.client_authentication import authenticated, identified
from apim_keymanagers.resident.clients import AUTH_METHODS, Client, ClientSecret
from apim_keymanagers.resident.credentials import digest, new_identifier, new_secret
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.grants import token_answer
from apim_keymanagers.resident.redirects import redirect_problem
from apim_keymanagers.resident.revoked import LONGEST
from apim_keymanagers.resident.revoking import revoke_token

if TYPE_CHECKING:
    from apim_keymanagers.resident.server import Server

__all__ = ["CLIENT_FIELDS", "Managing"]

CLIENT_FIELDS: Final = (
    ClientField(
        "access_token_lifetime", "Access token lifetime", "Seconds; the server's own if left out.", type="number"
    ),
    ClientField(
        "refresh_token_lifetime", "Refresh token lifetime", "Seconds; the server's own if left out.", type="number"
    ),
    ClientField(
        "require_pkce", "Require PKCE", "Whether authorization requests need a code challenge.", "boolean", True
    ),
    ClientField("audience", "Audience", "Values of `aud` in its access tokens.", type="list"),
    ClientField("token_format", "Token format", "Format of its access tokens.", "choice", values=("jwt", "opaque")),
    ClientField("key_type", "Key type", "For which world its tokens are.", "choice", values=("PRODUCTION", "SANDBOX")),
    ClientField("introspects", "Introspects", "Whether it may ask about tokens of other clients.", "boolean", False),
    ClientField("dpop_bound_access_tokens", "DPoP", "Whether its tokens are bound to a key.", "boolean", False),
)
"""Settings of a client beyond those that every registration has."""

_TRIES: Final = 5


class Managing:
    """Clients and tokens for whoever runs the gateway, who is asked for no proof."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None) -> IssuedToken:
        """A token by a grant, for a client that shows its secret. Raises OAuthError."""
        if client is None:
            raise OAuthError("invalid_client", "say for which client: the server asks nobody for tokens", status=401)
        asked = Asked(_with_secret(parameters, client), url=self._server.url("/token"))
        answer = await token_answer(self._server, asked, await identified(self._server, asked))
        return IssuedToken(
            Secret(answer["access_token"]),
            answer["token_type"],
            answer["expires_in"],
            frozenset(answer["scope"].split()),
            _secret(answer.get("refresh_token")),
            _secret(answer.get("id_token")),
        )

    async def revoke(self, token: str, client: RegisteredClient | None) -> None:
        """Revoke a token: of the client, or anybody's where none is named."""
        owner = None
        if client is not None:
            owner = await self._found(client.client_id)
        await revoke_token(self._server, token, owner)

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        """A new client. Raises OAuthError where its settings are not good."""
        server = self._server
        secret = new_secret()
        client = self._changed(Client(new_identifier(), created=server.now()), registration)
        if client.auth_method.startswith("client_secret"):
            client = attrs.evolve(client, secrets=(ClientSecret(digest(secret)),))
        await server.clients.add(client)
        return registered(client, secret if client.secrets else None)

    async def adopt(self, client_id: str, client_secret: Secret | None) -> RegisteredClient:
        """A client that is here already. Raises OAuthError if its secret is another."""
        if client_secret is None:
            return registered(await self._found(client_id), None)
        parameters = {"client_id": client_id, "client_secret": client_secret.reveal()}
        return registered(await authenticated(self._server, Asked(parameters)), client_secret.reveal())

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        """The client as it is now. Raises LookupError if it is gone."""
        found = await self._server.clients.find(client.client_id)
        if found is None:
            raise LookupError(f"there is no client {client.client_id!r}")
        return registered(found, None)

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        """Change a client. Raises OAuthError."""
        changed = await self._change(client.client_id, lambda old: self._changed(old, registration))
        return attrs.evolve(registered(changed, None), client_secret=client.client_secret)

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        """A new secret in the place of all others; tokens that were issued before are revoked."""
        secret = new_secret()
        now = self._server.now()
        renewed = await self._change(
            client.client_id,
            lambda old: attrs.evolve(old, secrets=(ClientSecret(digest(secret)),), tokens_from=now),
        )
        await self._server.revoked.revoke_client(renewed.id)
        return registered(renewed, secret)

    async def delete(self, client: RegisteredClient) -> None:
        """Remove a client and revoke its tokens."""
        await self.delete_by_id(client.client_id)

    async def delete_by_id(self, client_id: str) -> None:
        """See ``delete``."""
        if self._server.clients.configured(client_id):
            raise OAuthError("access_denied", "the client is in the settings: remove it there", status=403)
        await self._server.clients.remove(client_id)
        await self._server.revoked.revoke_client(client_id)

    async def _found(self, client_id: str) -> Client:
        found = await self._server.clients.find(client_id)
        if found is None:
            raise OAuthError("invalid_client", f"there is no client {client_id!r}", status=404)
        return found

    async def _change(self, client_id: str, change: Any) -> Client:
        if self._server.clients.configured(client_id):
            raise OAuthError("access_denied", "the client is in the settings: change it there", status=403)
        for _ in range(_TRIES):
            old = await self._found(client_id)
            new: Client = change(old)
            if old == new or await self._server.clients.change(old, new):
                return new
        raise OAuthError("temporarily_unavailable", "the client is being changed by somebody else", status=503)

    def _changed(self, client: Client, registration: ClientRegistration) -> Client:
        check(self._server, registration)
        properties = registration.properties
        names = ("access_token", "refresh_token")
        lifetimes = {
            name: float(properties[f"{name}_lifetime"]) for name in names if properties.get(f"{name}_lifetime")
        }
        most = max(LONGEST, self._server.settings.lifetimes.access_token)
        if not all(0 < seconds <= most for name, seconds in lifetimes.items() if name == "access_token"):
            raise OAuthError("invalid_client_metadata", f"an access token is good for {most:.0f} seconds at most")
        method = registration.token_endpoint_auth_method
        return attrs.evolve(
            client,
            name=registration.name,
            grant_types=registration.grant_types,
            redirect_uris=registration.redirect_uris,
            scopes=registration.scopes,
            owner=registration.owner,
            auth_method=method,
            audience=tuple(properties.get("audience", ())),
            keys=tuple(properties.get("keys", ())),
            certificate=properties.get("certificate"),
            require_pkce=bool(properties.get("require_pkce", True)) or method == "none",
            token_format=properties.get("token_format"),
            key_type=properties.get("key_type"),
            introspects=bool(properties.get("introspects", False)),
            dpop=bool(properties.get("dpop_bound_access_tokens", False)),
            lifetimes=lifetimes,
            properties={
                name: value for name, value in properties.items() if name not in ("keys",) and value is not None
            },
        )


def check(server: Server, registration: ClientRegistration) -> None:
    """Raises OAuthError where the settings of a client are not good (RFC 7591, section 3.2.2)."""
    unknown = set(registration.grant_types) - set(server.settings.grants)
    if unknown or not registration.grant_types:
        raise OAuthError("invalid_client_metadata", "a grant type is not known here, or not allowed; or there is none")
    if registration.token_endpoint_auth_method not in AUTH_METHODS:
        raise OAuthError("invalid_client_metadata", "the token_endpoint_auth_method is not known here")
    if len(registration.redirect_uris) > server.settings.registration.most_redirect_uris:
        raise OAuthError("invalid_redirect_uri", "there are too many redirect URIs")
    for uri in registration.redirect_uris:
        if problem := redirect_problem(uri):
            raise OAuthError("invalid_redirect_uri", f"a redirect URI cannot be registered: {problem}")
    if "authorization_code" in registration.grant_types and not registration.redirect_uris:
        raise OAuthError("invalid_redirect_uri", "the authorization code grant needs a redirect URI")
    if len(registration.name) > 200 or not registration.name.isprintable():
        raise OAuthError("invalid_client_metadata", "the client's name is too long, or not printable")
    if any(not 0 < len(name) <= 200 or not name.isprintable() or " " in name for name in registration.scopes):
        raise OAuthError("invalid_client_metadata", "a scope is not one word")


def registered(client: Client, secret: str | None) -> RegisteredClient:
    """The client as the contract of key managers has it."""
    properties = {name: value for name, value in client.properties.items() if name != "keys"}
    return RegisteredClient(
        client.id,
        _secret(secret),
        ClientRegistration(
            client.name,
            client.grant_types,
            client.redirect_uris,
            client.scopes,
            client.auth_method,
            client.owner,
            properties,
        ),
        client.secret_expires,
    )


def _with_secret(parameters: Mapping[str, str], client: RegisteredClient) -> Mapping[str, str]:
    proof = {} if client.client_secret is None else {"client_secret": client.client_secret.reveal()}
    return {**parameters, "client_id": client.client_id, **proof}


def _secret(value: str | None) -> Secret | None:
    return None if value is None else Secret(value)
