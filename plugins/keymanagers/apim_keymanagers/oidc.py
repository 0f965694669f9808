"""Trust an OpenID Connect provider, or any OAuth 2.0 authorization server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
from apim_sdk import (
    ClientField,
    ClientRegistration,
    Context,
    Duration,
    Fetched,
    IssuedToken,
    KeyManager,
    RegisteredClient,
    Secret,
    Unsupported,
    state,
)
from apim_sdk.upstream import UpstreamTLS

from apim_keymanagers.claim_mapping import claim_mapper
from apim_keymanagers.client_authentication import (
    Authentication,
    ClientSettings,
    authentication_of,
    own_authentication,
)
from apim_keymanagers.client_fields import STANDARD
from apim_keymanagers.discovery import Discovery, secure_url, well_known
from apim_keymanagers.endpoints import Endpoints
from apim_keymanagers.freshness import lifetime
from apim_keymanagers.introspection import introspect
from apim_keymanagers.keyset import Keys, KeySet, Loaded, keys_of
from apim_keymanagers.known_server import KnownServer
from apim_keymanagers.registration import (
    RegistrationSettings,
    change_client,
    read_client,
    register_client,
    remove_client,
    renew_client_secret,
)
from apim_keymanagers.tokens import issue, prove_secret, revoke

__all__ = ["OIDC", "JWKSource"]

_CONFIGURABLE = ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "registration_endpoint")


@attrs.frozen
class JWKSource:
    """Where a JWK Set (RFC 7517, section 5) is, or the set itself: one of the three."""

    file: Path | None = None
    """File, relative to this one."""
    url: str | None = None
    """URL."""
    keys: tuple[Mapping[str, Any], ...] = attrs.field(default=(), hash=False)
    """The keys, written here."""

    def __attrs_post_init__(self) -> None:
        if sum((self.file is not None, self.url is not None, bool(self.keys))) != 1:
            raise ValueError("say where the keys are: `file` or `url`, or write them as `keys`")

    @property
    def here(self) -> bool:
        """Whether they are at hand, without asking the server."""
        return self.url is None


def _url(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.startswith(("https://", "http://")):
        raise ValueError(f"{value!r} is no issuer: it is a URL, written as in the `iss` of its tokens")


@attrs.frozen
class OIDC(KeyManager):
    """Trusts an OpenID Connect provider, or any other issuer of signed tokens that publishes its keys as a JWK Set.

    Keys are fetched at the start, again and again in the background, and when a token names one that is not known;
    while they cannot be fetched, those that are known stay. A start waits for a file, but not for a provider. With
    `credentials` it also introspects, obtains and revokes tokens; where the server registers clients, it does that.
    """

    example: ClassVar[Any] = {"issuer": "https://idp.example", "jwks": {"url": "https://idp.example/jwks.json"}}
    client_fields: ClassVar[tuple[ClientField, ...]] = STANDARD

    issuer: str = attrs.field(validator=_url)
    """The issuer, exactly as the `iss` of its tokens has it."""
    jwks: JWKSource | None = None
    """Where its keys are; without it, where its metadata says (`jwks_uri`)."""
    refresh: Duration = attrs.field(default=Duration("10m"), validator=attrs.validators.gt(Duration(0)))
    """How often its metadata is fetched, and its keys, unless it says how long those are good (`Cache-Control`,
    `Expires`): that counts between a minute and an hour."""
    metadata_url: str | None = None
    """Where its metadata is; without it, at `/.well-known/openid-configuration` behind the issuer, else where RFC 8414
    has it."""
    token_endpoint: str | None = None
    """Its token endpoint, where its metadata does not say it, or wrongly; so with the endpoints that follow."""
    introspection_endpoint: str | None = None
    """Its introspection endpoint (RFC 7662)."""
    revocation_endpoint: str | None = None
    """Its revocation endpoint (RFC 7009)."""
    registration_endpoint: str | None = None
    """Its endpoint for the registration of clients (RFC 7591)."""
    credentials: ClientSettings | None = None
    """Who the gateway itself is at the server: to introspect, obtain and revoke tokens."""
    registration: RegistrationSettings = RegistrationSettings()
    """What the server wants to see of who registers a client."""
    signed_introspection: bool = False
    """Whether introspection answers count only if the server has signed them (RFC 9701)."""
    tls: UpstreamTLS | None = None
    """TLS to the server: a CA of its own, the certificate that the gateway shows."""
    claim_mapping: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """Claims of its tokens by the names that they get here: `{realm_access.roles: roles}`. Dots lead into objects; a
    name that is given here is filled by no other claim."""
    client_id_claim: str | None = None  # type: ignore[misc]  # an option here, no fact of a class
    """Claim that names the client; without it, `azp`, else `client_id`."""
    scope_claim: str = "scope"  # type: ignore[misc]  # as above
    """Claim that holds the scopes, as text with spaces or as a list."""
    _server: KnownServer = state()
    _keys: KeySet = state()
    _endpoints: Endpoints = state()
    _own: Authentication | None = state()
    _rename: Callable[[Mapping[str, Any]], Mapping[str, Any]] = state()

    def __attrs_post_init__(self) -> None:
        written = {name: getattr(self, name) for name in (*_CONFIGURABLE, "metadata_url")}
        for name, value in {**written, "jwks: {url}": self.jwks and self.jwks.url}.items():
            if value is not None and not secure_url(value, self.issuer):
                raise ValueError(f"`{name}`: {value!r} is no URL, or a weaker one than the issuer's: write https://...")
        own = self.credentials
        if own is not None and own.by_certificate and (self.tls is None or not self.tls.certificate):
            raise ValueError(f"{own.chosen} needs the certificate that the gateway shows: `tls: {{certificate}}`")
        if self.signed_introspection and (own is None or not own.id):
            raise ValueError("`signed_introspection` needs `credentials: {id}`: for whom the answers are signed")
        self.hold(_rename=claim_mapper(self.claim_mapping))

    @property
    def generation(self) -> int:
        return self._keys.generation

    def keys(self, key_id: str | None) -> Keys | Awaitable[Keys]:
        return self._keys.keys(key_id)

    def claims(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._rename(claims)

    async def start(self, context: Context) -> None:
        own = None if self.credentials is None else await asyncio.to_thread(own_authentication, self.credentials)
        server = await context.shared(("key manager", self), lambda: self._unknown_server(context))
        configured = {name: url for name in _CONFIGURABLE if (url := getattr(self, name)) is not None}
        endpoints = Endpoints(
            self.issuer, server.discovery, context.fetch, context.clock, configured, self._usual(), self.tls
        )
        self.hold(_server=server, _keys=server.keys, _endpoints=endpoints, _own=own)
        server.join(self)
        try:
            await self._first_keys(context)
        except BaseException:
            server.leave(self)
            raise
        context.spawn(server.keys.keep_fresh(self.refresh, context.log), f"keys of {self.issuer}")

    async def _first_keys(self, context: Context) -> None:
        here = self.jwks is not None and self.jwks.here
        if not here and not self._keys.empty:
            return
        try:
            await self._keys.refresh()
        except OSError as error:
            if here:
                raise
            context.log.warning("A key manager starts without keys", issuer=self.issuer, error=str(error))

    async def stop(self) -> None:
        self._server.leave(self)

    async def metadata(self) -> Mapping[str, Any]:
        return await self._endpoints.metadata()

    async def introspect(self, token: str) -> Mapping[str, Any]:
        own = self._as(None)
        return await introspect(self._endpoints, token, own, self.keys, signed=self.signed_introspection)

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None = None) -> IssuedToken:
        return await issue(self._endpoints, parameters, self._as(client))

    async def revoke(self, token: str, client: RegisteredClient | None = None) -> None:
        await revoke(self._endpoints, token, self._as(client))

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        statement = self.registration.software_statement
        return await register_client(
            self._endpoints, registration, self.client_fields, await self._authorization(), statement
        )

    async def adopt(self, client_id: str, client_secret: Secret | None = None) -> RegisteredClient:
        if client_secret is None:
            return RegisteredClient(client_id)
        method = await prove_secret(self._endpoints, client_id, client_secret)
        return RegisteredClient(client_id, client_secret, ClientRegistration("", token_endpoint_auth_method=method))

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        managed, authorization = await self._managed(client)
        return await read_client(self._endpoints, managed, self.client_fields, authorization)

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        managed, authorization = await self._managed(client)
        return await change_client(self._endpoints, managed, registration, self.client_fields, authorization)

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        managed, authorization = await self._managed(client)
        return await renew_client_secret(self._endpoints, managed, self.client_fields, authorization)

    async def delete(self, client: RegisteredClient) -> None:
        managed, authorization = await self._managed(client)
        await remove_client(self._endpoints, managed, authorization)

    def _as(self, client: RegisteredClient | None) -> Authentication:
        """The proof of a client, or of the gateway itself. Raises Unsupported where there is none."""
        if client is not None:
            return authentication_of(client)
        if self._own is None:
            raise Unsupported("the gateway is no client of the server: configure `credentials`")
        return self._own

    async def _authorization(self) -> str | None:
        """What the gateway shows to register clients."""
        token = self.registration.initial_access_token
        return None if token is None else f"Bearer {token.reveal()}"

    async def _managed(self, client: RegisteredClient) -> tuple[RegisteredClient, str | None]:
        """A client with where it is managed, and what the gateway shows there unless the client has a token for it."""
        return client, None

    def _places(self) -> tuple[str, ...]:
        """Where the metadata may be."""
        return well_known(self.issuer) if self.metadata_url is None else (self.metadata_url,)

    def _documented_issuer(self) -> str:
        """What the metadata must say that the issuer is."""
        return self.issuer

    def _usual(self) -> Mapping[str, str]:
        """Endpoints that servers of this product have though their metadata may not say so."""
        return {}

    def _unknown_server(self, context: Context) -> KnownServer:
        """The server before anything was fetched from it."""
        discovery = Discovery(self._documented_issuer(), self._places(), self.refresh, context.clock)
        count = context.metrics.counter(
            "apim_key_manager_keys", "Look-ups of a key manager's keys that wanted a fetch", ("issuer", "outcome")
        )
        return KnownServer(discovery, KeySet(context.clock, lambda outcome: count(self.issuer, outcome)))

    def fetch(self, place: str) -> Awaitable[Fetched]:
        """Get a document from the server. Raises OSError."""
        return self._endpoints.get(place)

    async def load_keys(self) -> Loaded:
        """The server's keys, fetched now. Raises OSError or ValueError."""
        if self.jwks is not None and self.jwks.keys:
            return Loaded(_keys(json.dumps({"keys": self.jwks.keys}).encode(), "`jwks`"))
        if self.jwks is not None and self.jwks.file is not None:
            content = await asyncio.to_thread(self.jwks.file.read_bytes)
            return Loaded(_keys(content, str(self.jwks.file)))
        place = self.jwks.url if self.jwks is not None and self.jwks.url else await self._place_of_keys()
        answer = await self._endpoints.get(place)
        if answer.status != 200:
            self._endpoints.discovery.expire()
            raise ConnectionError(f"{place} answers {answer.status}")
        return Loaded(_keys(answer.body, place), lifetime(answer.headers, self._endpoints.clock.now()))

    async def _place_of_keys(self) -> str:
        try:
            return await self._endpoints.url("jwks_uri")
        except Unsupported:
            self._endpoints.discovery.expire()
            raise ValueError(f"the metadata of {self.issuer} does not say where the keys are (jwks_uri)") from None


def _keys(document: bytes, place: str) -> Keys:
    try:
        return keys_of(document)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
