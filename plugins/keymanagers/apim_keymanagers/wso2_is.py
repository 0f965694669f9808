"""Trust WSO2 Identity Server 7."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode

import attrs
from apim_sdk import (
    ClientField,
    ClientRegistration,
    Context,
    Duration,
    IssuedToken,
    KeyManager,
    KeyManagerError,
    RegisteredClient,
    Secret,
    Unsupported,
    state,
)
from apim_sdk.upstream import UpstreamTLS

from apim_keymanagers.answers import BadAnswer, json_object
from apim_keymanagers.claim_mapping import claim_mapper
from apim_keymanagers.client_authentication import authentication_of
from apim_keymanagers.client_places import client_segment
from apim_keymanagers.keyset import Keys, KeySet
from apim_keymanagers.management import Management
from apim_keymanagers.published_keys import Kept, keep_keys
from apim_keymanagers.tokens import issued_token
from apim_keymanagers.wso2_is_clients import CLIENT_FIELDS, client_of, document_of, with_secret
from apim_keymanagers.wso2_is_scopes import Scopes
from apim_keymanagers.wso2_is_users import user_claims

__all__ = ["WSO2IS", "WSO2ISEndpoints"]

_FORM: Final = "application/x-www-form-urlencoded"


def _url(instance: Any, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not value.startswith(("https://", "http://")):
        raise ValueError(f"{value!r} is no URL: write https://host:port/path")


@attrs.frozen
class WSO2ISEndpoints:
    """Where services of WSO2 Identity Server are that are not at their usual places below its `url`."""

    client_registration: str | None = attrs.field(default=None, validator=_url)
    """Registration of clients; without it `/api/identity/oauth2/dcr/v1.1/register`."""
    token: str | None = attrs.field(default=None, validator=_url)
    """Tokens; without it `/oauth2/token`."""
    introspection: str | None = attrs.field(default=None, validator=_url)
    """Introspection of tokens; without it `/oauth2/introspect`."""
    revocation: str | None = attrs.field(default=None, validator=_url)
    """Revocation of tokens; without it `/oauth2/revoke`."""
    userinfo: str | None = attrs.field(default=None, validator=_url)
    """Who a user is, by SCIM; without it `/scim2/Me`."""
    jwks: str | None = attrs.field(default=None, validator=_url)
    """Its keys; without it `/oauth2/jwks`."""


@attrs.frozen
class WSO2IS(KeyManager):
    """Trusts WSO2 Identity Server 7, JWTs and opaque tokens, and keeps clients, scopes and roles there.

    The gateway is an administrator there, by user name and password or by a TLS certificate on behalf of a user.
    """

    client_fields: ClassVar[tuple[ClientField, ...]] = CLIENT_FIELDS
    client_id_claim: ClassVar[str | None] = "azp"
    example: ClassVar[Any] = {
        "url": "https://is.example:9443",
        "api_resource_management_endpoint": "https://is.example:9443/api/server/v1/api-resources",
        "is7_roles_endpoint": "https://is.example:9443/scim2/v2/Roles",
        "username": "apim",
        "password": "the password of apim",
    }

    url: str = attrs.field(validator=_url)
    """Where the server is, with the tenant if it is one's own: `https://is.example:9443/t/shop`."""
    api_resource_management_endpoint: str = attrs.field(validator=_url)
    """Where scopes are kept, usually `/api/server/v1/api-resources` below `url`."""
    is7_roles_endpoint: str = attrs.field(validator=_url)
    """Where roles are kept, usually `/scim2/v2/Roles` below `url`."""
    issuer: str | None = attrs.field(
        default=attrs.Factory(lambda self: f"{self.url.rstrip('/')}/oauth2/token", takes_self=True), validator=_url
    )
    """The `iss` of its tokens; without it `/oauth2/token` below `url`."""
    username: str | None = None
    """User name of the administrator that the gateway is."""
    password: Secret | None = None
    """Password of that administrator."""
    identity_user: str | None = None
    """The administrator on whose behalf the gateway calls when it shows the certificate of `tls` instead."""
    tls: UpstreamTLS = UpstreamTLS()
    """How the server's certificate is checked, and the certificate that the gateway shows."""
    enable_roles_creation: bool = False
    """Whether roles that a scope is bound to are made where they do not exist."""
    token_type: Literal["JWT", "Default"] = "JWT"  # noqa: S105  # a kind
    """What tokens new clients get: `JWT`, or `Default` for opaque ones."""
    claim_mapping: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """Claims of its tokens by the names that they get here; dots lead into objects."""
    endpoints: WSO2ISEndpoints = WSO2ISEndpoints()
    """Services that are not at their usual places."""
    refresh: Duration = Duration("10m")
    """How often its keys are fetched."""
    _keys: KeySet = state()
    _kept: Kept = state()
    _context: Context = state()
    _calls: Management = state()
    _scopes: Scopes = state()
    _rename: Callable[[Mapping[str, Any]], Mapping[str, Any]] = state()

    def __attrs_post_init__(self) -> None:
        by_password = self.username is not None and self.password is not None
        by_certificate = self.identity_user is not None and self.tls.certificate is not None
        if by_password == by_certificate:
            raise ValueError(
                "say who the gateway is at the server: `username` and `password`, "
                "or `identity_user` and the `certificate` of `tls`"
            )
        self.hold(_rename=claim_mapper(self.claim_mapping))

    @property
    def generation(self) -> int:
        return self._keys.generation

    def keys(self, key_id: str | None) -> Keys | Awaitable[Keys]:
        return self._keys.keys(key_id)

    def claims(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._rename(claims)

    async def start(self, context: Context) -> None:
        calls = Management(context, self._authorize, self.tls)
        scopes = Scopes(
            calls,
            self.api_resource_management_endpoint.rstrip("/"),
            self.is7_roles_endpoint.rstrip("/"),
            self.enable_roles_creation,
            context.log,
        )
        self.hold(_context=context, _calls=calls, _scopes=scopes)
        place = self._place(self.endpoints.jwks, "/oauth2/jwks")
        kept = await keep_keys(context, self, place, self.refresh, tls=self.tls)
        self.hold(_keys=kept.keys, _kept=kept)

    async def stop(self) -> None:
        self._kept.leave()

    async def metadata(self) -> Mapping[str, Any]:
        place = f"{self.url.rstrip('/')}/oauth2/token/.well-known/openid-configuration"
        return MappingProxyType(json_object(await self._context.fetch(place, tls=self.tls), place))

    async def introspect(self, token: str) -> Mapping[str, Any]:
        place = self._place(self.endpoints.introspection, "/oauth2/introspect")
        found = await self._form(place, {"token": token}, await self._authorize())
        if not isinstance(found.get("active"), bool):
            raise BadAnswer(f"{place} does not answer whether the token is active")
        if found["active"] and str(found.get("token_type", "")).lower() == "refresh":
            return {"active": False}  # the server introspects refresh tokens alike, and they let nobody in
        return found

    async def userinfo(self, token: str) -> Mapping[str, Any]:
        place = self._place(self.endpoints.userinfo, "/scim2/Me")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/scim+json"}
        return user_claims(json_object(await self._context.fetch(place, headers=headers, tls=self.tls), place))

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None = None) -> IssuedToken:
        place = self._place(self.endpoints.token, "/oauth2/token")
        answer = await self._form(place, *self._as_client(parameters, client))
        return issued_token(answer, parameters.get("scope", ""), place)

    async def revoke(self, token: str, client: RegisteredClient | None = None) -> None:
        place = self._place(self.endpoints.revocation, "/oauth2/revoke")
        await self._form(place, *self._as_client({"token": token}, client))

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        document = document_of(registration, self.token_type)
        place = self._place(self.endpoints.client_registration, "/api/identity/oauth2/dcr/v1.1/register")
        made = client_of(await self._calls.call("POST", place, document), place)
        return attrs.evolve(made, registration=_as_asked(made.registration, registration))

    async def adopt(self, client_id: str, client_secret: Secret | None = None) -> RegisteredClient:
        found = await self.client(RegisteredClient(client_id))
        if client_secret is None:
            return found
        if found.client_secret is None:
            raise KeyManagerError("invalid_client", "the server does not show the client's secret to compare it with")
        if not hmac.compare_digest(found.client_secret.reveal().encode(), client_secret.reveal().encode()):
            raise KeyManagerError("invalid_client", f"this is not the secret of {client_id}", status=401)
        return found

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        place = self._client_place(client)
        try:
            found = client_of(await self._calls.call("GET", place), place)
        except KeyManagerError as error:
            if error.status == 404:
                raise LookupError(f"WSO2 Identity Server has no client {client.client_id!r}") from error
            raise
        return attrs.evolve(
            with_secret(found, client.client_secret), registration=_as_asked(found.registration, client.registration)
        )

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        place = self._client_place(client)
        changed = client_of(await self._calls.call("PUT", place, document_of(registration, self.token_type)), place)
        return attrs.evolve(
            with_secret(changed, client.client_secret), registration=_as_asked(changed.registration, registration)
        )

    async def delete(self, client: RegisteredClient) -> None:
        try:
            await self._calls.call("DELETE", self._client_place(client))
        except KeyManagerError as error:
            if error.status != 404:
                raise

    async def put_scopes(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        await self._scopes.put(scopes)

    def _place(self, configured: str | None, usual: str) -> str:
        return configured or f"{self.url.rstrip('/')}{usual}"

    def _client_place(self, client: RegisteredClient) -> str:
        place = self._place(self.endpoints.client_registration, "/api/identity/oauth2/dcr/v1.1/register")
        return f"{place}/{client_segment(client.client_id)}"

    async def _authorize(self) -> Mapping[str, str]:
        """The header fields of the administrator: Basic, or the user on whose behalf the certificate speaks."""
        if self.identity_user is not None:
            return {"WSO2-Identity-User": self.identity_user}
        pair = f"{self.username}:{'' if self.password is None else self.password.reveal()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _as_client(
        self, parameters: Mapping[str, str], client: RegisteredClient | None
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The form and header fields of a client's request to the token or revocation endpoint."""
        if client is None:
            raise Unsupported("the gateway is an administrator of WSO2 Identity Server, no client: say for which one")
        form, headers = dict(parameters), dict[str, str]()
        authentication_of(client).prove(form, headers, self.issuer or self.url, self._context.clock.now())
        return form, headers

    async def _form(self, place: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, Any]:
        fields = {"Content-Type": _FORM, "Accept": "application/json", **headers}
        answer = await self._context.fetch(
            place, method="POST", headers=fields, body=urlencode(form).encode(), tls=self.tls
        )
        return json_object(answer, place)


def _as_asked(shown: ClientRegistration, asked: ClientRegistration) -> ClientRegistration:
    """What the server shows, with what it does not keep of what was asked for."""
    return attrs.evolve(shown, scopes=asked.scopes, owner=asked.owner)
