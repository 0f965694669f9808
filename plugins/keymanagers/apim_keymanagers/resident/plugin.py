"""The key manager `resident`: the gateway's own authorization server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import attrs
from apim_sdk import (
    ClientField,
    ClientRegistration,
    Context,
    Duration,
    IssuedToken,
    KeyManager,
    RegisteredClient,
    Secret,
    state,
)

from apim_keymanagers.resident.clients import TokenFormat
from apim_keymanagers.resident.managing import CLIENT_FIELDS, Managing
from apim_keymanagers.resident.server import Server, open_server
from apim_keymanagers.resident.settings import (
    GRANTS,
    ClientSettings,
    Grant,
    Lifetimes,
    RegistrationSettings,
    ScopeSettings,
    TrustedIssuer,
    UserSettings,
)
from apim_keymanagers.resident.signing import SigningAlgorithm

__all__ = ["Resident"]


def _issuer(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is no issuer: it is an https URL without query and fragment (RFC 8414, section 2)")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError(f"{value!r} is no issuer: http is for this machine only, write https")


def _tell_apart(trusted: Mapping[str, TrustedIssuer]) -> None:
    """Raises ValueError where two issuers could mean one subject of ours."""
    apart = {name: terms.prefix for name, terms in trusted.items() if not terms.same_users}
    for name, prefix in apart.items():
        if len(trusted) > 1 and not prefix:
            raise ValueError(f"several issuers are trusted: write a `prefix` under `trusted.{name}`, or `same_users`")
        for other, longer in apart.items():
            if other != name and longer.startswith(prefix):
                raise ValueError(f"the prefix of `trusted.{other}` begins with that of `trusted.{name}`")


@attrs.frozen
class Resident(KeyManager):
    """Is an authorization server itself, OAuth 2.0 and OpenID Connect, with its state in a store.

    Applications get their tokens over HTTP from the endpoint `authorization-server`, which an API puts in front of it.
    Access tokens are signed JWTs; unless they are `persistent`, none is ever stored, only that one was revoked.
    """

    client_fields: ClassVar[tuple[ClientField, ...]] = CLIENT_FIELDS
    example: ClassVar[Any] = {
        "issuer": "http://127.0.0.1:8080/oauth2",
        "store": "main",
        "clients": {"shop": {"secret": "the secret of the shop", "scopes": ["orders.read"]}},
    }

    issuer: str = attrs.field(validator=_issuer)
    """The issuer: the URL at which clients reach the API that serves it, without a slash at its end."""
    store: str
    """Name of the store that keeps its state."""
    access_store: str | None = None
    """Name of the store in which the gateway looks for revocations (`access.store`), where that is another one."""
    secret: Secret | None = None
    """Seals the private keys in the store. Without it whoever reads the store can sign tokens."""
    namespace: str = "resident"
    """First part of its keys in the store; another for each authorization server in the same store."""
    algorithm: SigningAlgorithm = "RS256"
    """How tokens are signed: ES256 and EdDSA take a tenth of the time, RS256 is understood everywhere."""
    rotate_every: Duration = Duration("90d")
    """How long one key signs."""
    publish_ahead: Duration = Duration("1d")
    """How long a key is published before it signs, for those that cache keys."""
    tokens: Literal["ephemeral", "persistent"] = "ephemeral"
    """Whether access tokens are kept: a client that asks again then gets the same one until it expires."""
    token_format: TokenFormat = "jwt"  # noqa: S105  # a format
    """Format of access tokens: opaque ones have to be introspected, and are kept in the store, hashed."""
    audience: tuple[str, ...] = ()
    """Values of `aud` in access tokens; without any, the issuer."""
    lifetimes: Lifetimes = Lifetimes()
    """How long what it hands out is good."""
    grants: tuple[Grant, ...] = GRANTS
    """Grants that clients may use; `password` only if it is listed."""
    allow_plain_pkce: bool = False
    """Whether a code challenge may be the verifier itself (`plain`)."""
    require_pushed_requests: bool = False
    """Whether authorization requests have to be pushed (RFC 9126)."""
    clients: Mapping[str, ClientSettings] = attrs.field(factory=dict, hash=False)
    """Clients by their id, beside those that are registered."""
    users: Mapping[str, UserSettings] = attrs.field(factory=dict, hash=False)
    """Users by their name, beside those in the store."""
    scopes: Mapping[str, ScopeSettings] = attrs.field(factory=dict, hash=False)
    """Scopes that clients may ask for, beside those of OpenID Connect."""
    trusted: Mapping[str, TrustedIssuer] = attrs.field(factory=dict, hash=False)
    """Key managers by their name, whose tokens may be exchanged for ours (RFC 8693, RFC 7523)."""
    registration: RegistrationSettings = RegistrationSettings()
    """Who may register clients over HTTP (RFC 7591); by default nobody."""
    _server: Server = state()

    def __attrs_post_init__(self) -> None:
        if self.token_format == "opaque" and self.tokens == "ephemeral":  # noqa: S105  # a format
            raise ValueError("an opaque token has to be kept: write `tokens: persistent`")
        if self.publish_ahead >= self.rotate_every:
            raise ValueError("`publish_ahead` must be shorter than `rotate_every`")
        if self.issuer.endswith("/"):
            raise ValueError("write the issuer without the slash at its end")
        _tell_apart(self.trusted)

    @property
    def server(self) -> Server:
        """The server, once it is open."""
        return self._server

    @property
    def generation(self) -> int:
        return self._server.keys.generation

    def issues(self, claims: Mapping[str, Any]) -> bool:
        """Its ID tokens look like access tokens but for `aut`, and are bound to nothing."""
        return super().issues(claims) and "aut" in claims

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
        return self._server.keys.keys(key_id)

    async def start(self, context: Context) -> None:
        await self.open(context)

    async def open(self, context: Context) -> Server:
        """The server; opened now if nobody has."""
        if self._server is None:
            server = await open_server(self, context)
            if self.secret is None and server.records.store.shared_by == "network":
                context.log.warning(
                    "Signing keys are not sealed in a store that others can reach: set `secret`", issuer=self.issuer
                )
            context.spawn(server.keys.follow(context.log), "follow the signing keys")
            context.spawn(server.keys.keep_rotating(context.log), "rotate the signing keys")
            self.hold(_server=server)
        return self._server

    async def metadata(self) -> Mapping[str, Any]:
        from apim_keymanagers.resident.metadata import metadata_of

        return await metadata_of(self._server)

    async def introspect(self, token: str) -> Mapping[str, Any]:
        claims = await self._server.tokens.introspect(token)
        return {"active": False} if claims is None else {"active": True, "token_type": "Bearer", **claims}

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None = None) -> IssuedToken:
        return await Managing(self._server).token(parameters, client)

    async def revoke(self, token: str, client: RegisteredClient | None = None) -> None:
        await Managing(self._server).revoke(token, client)

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        return await Managing(self._server).register(registration)

    async def adopt(self, client_id: str, client_secret: Secret | None = None) -> RegisteredClient:
        return await Managing(self._server).adopt(client_id, client_secret)

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        return await Managing(self._server).client(client)

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        return await Managing(self._server).update(client, registration)

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        return await Managing(self._server).renew_secret(client)

    async def delete(self, client: RegisteredClient) -> None:
        await Managing(self._server).delete(client)

    async def put_scopes(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        await self._server.scopes.put(scopes)

    async def put_user(
        self, name: str, password: Secret | None, roles: tuple[str, ...] = (), claims: Mapping[str, Any] | None = None
    ) -> None:
        """Add a user to the store, or change one there; the password is kept as argon2id.

        Logins and tokens of the user from before are void. Raises KeyManagerError for a user of the settings.
        """
        revealed = None if password is None else password.reveal()
        await self._server.users.put(name, revealed, frozenset(roles), claims or {})

    async def remove_user(self, name: str) -> None:
        """Remove a user from the store; logins and tokens of the user are void."""
        await self._server.users.remove(name)
