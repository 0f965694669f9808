"""Trust a tenant of Auth0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import attrs
from apim_sdk import (
    ClientField,
    ClientRegistration,
    Context,
    IssuedToken,
    KeyManagerError,
    RegisteredClient,
    Secret,
    Unsupported,
    state,
)

from apim_keymanagers.answers import BadAnswer, member
from apim_keymanagers.client_places import client_segment
from apim_keymanagers.management import Management
from apim_keymanagers.oidc import OIDC
from apim_keymanagers.registration import check_properties
from apim_keymanagers.tokens import OwnToken

__all__ = ["Auth0"]

_APP_TYPE = ClientField(
    "app_type",
    "Kind of application",
    "Without it, `non_interactive` for one that only uses client credentials, else `regular_web`.",
    "choice",
    values=("regular_web", "native", "spa", "non_interactive"),
)
_AUDIENCE = ClientField(
    "audience_of_api", "API", "Identifier of the API that its tokens are for; without it, that of the key manager."
)


@attrs.frozen
class Auth0(OIDC):
    """Trusts a tenant of Auth0, and keeps clients and scopes there by its Management API.

    The issuer is the tenant's, with its slash: `https://shop.eu.auth0.example/`. The gateway's own client
    (`credentials`) must be granted the Management API: `create:clients`, `read:clients`, `update:clients`,
    `delete:clients`, `update:client_keys`, `create:client_grants`, `read:resource_servers`, `update:resource_servers`.
    """

    example: ClassVar[Any] = {
        "issuer": "https://shop.eu.auth0.example/",
        "audience": "https://api.shop.example",
        "credentials": {"id": "gateway", "secret": "the secret of gateway"},
    }
    client_fields: ClassVar[tuple[ClientField, ...]] = (_APP_TYPE, _AUDIENCE)

    audience: str | None = None
    """Identifier of the API that tokens are asked for; Auth0 issues none by client credentials without one."""
    management_audience: str | None = None
    """Identifier of the Management API, where the issuer is a domain of one's own; without it, `api/v2/` behind the
    issuer."""
    client_id_claim: str | None = "azp"  # type: ignore[misc]  # an option here
    """Claim that names the client."""
    _admin: Management = state()

    async def start(self, context: Context) -> None:
        account = OwnToken(self._own_token, context.clock)

        async def authorize() -> Mapping[str, str]:
            return {"Authorization": f"Bearer {await account.value()}"}

        self.hold(_admin=Management(context, authorize, self.tls, account.forget))
        await super().start(context)

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None = None) -> IssuedToken:
        audience = (
            self.audience if client is None else client.registration.properties.get("audience_of_api", self.audience)
        )
        return await super().token(parameters if audience is None else {"audience": audience, **parameters}, client)

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        check_properties(registration, self.client_fields)
        made = self._client(
            await self._admin.call("POST", self._place("clients"), _content(registration)), registration
        )
        await self._grant(made)
        return made

    async def adopt(self, client_id: str, client_secret: Secret | None = None) -> RegisteredClient:
        found = await self.client(RegisteredClient(client_id))
        if client_secret is None:
            return attrs.evolve(found, client_secret=None)
        if found.client_secret is not None and found.client_secret != client_secret:
            raise KeyManagerError("invalid_client", f"this is not the secret of {client_id}", status=401)
        if found.client_secret is None:
            return await super().adopt(client_id, client_secret)
        return found

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        try:
            return self._client(await self._admin.call("GET", self._at(client)), client.registration, client)
        except KeyManagerError as error:
            if error.status == 404:
                raise LookupError(f"{self.issuer} does not know the client {client.client_id}") from error
            raise

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        check_properties(registration, self.client_fields)
        content = await self._admin.call("PATCH", self._at(client), _content(registration))
        changed = self._client(content, registration, client)
        await self._grant(changed)
        return changed

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        content = await self._admin.call("POST", f"{self._at(client)}/rotate-secret")
        return self._client(content, client.registration, client)

    async def delete(self, client: RegisteredClient) -> None:
        await self._admin.call("DELETE", self._at(client))

    async def put_scopes(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        """Roles are not bound to scopes (permissions of an API) this way at Auth0, but in its roles."""
        if self.audience is None:
            raise Unsupported("Auth0 keeps the scopes of each API apart: configure `audience`")
        place = self._place("resource-servers", self.audience)
        content = await self._admin.call("GET", place)
        known = member(content if isinstance(content, dict) else {}, "scopes", list, place) or []
        missing = scopes.keys() - {each.get("value") for each in known if isinstance(each, dict)}
        if missing:
            added = [{"value": name, "description": name} for name in sorted(missing)]
            await self._admin.call("PATCH", place, {"scopes": [*known, *added]})

    async def _own_token(self) -> IssuedToken:
        audience = self.management_audience or self._place("")
        return await super().token({"grant_type": "client_credentials", "audience": audience})

    async def _grant(self, client: RegisteredClient) -> None:
        """Let a client have tokens for an API (a client grant). One that it has is left as it is."""
        audience = client.registration.properties.get("audience_of_api", self.audience)
        if audience is None or "client_credentials" not in client.registration.grant_types:
            return
        grant = {"client_id": client.client_id, "audience": audience, "scope": list(client.registration.scopes)}
        try:
            await self._admin.call("POST", self._place("client-grants"), grant)
        except KeyManagerError as error:
            if error.status != 409:
                raise

    def _client(
        self, content: Any, sent: ClientRegistration, before: RegisteredClient | None = None
    ) -> RegisteredClient:
        """A client as the Management API shows it."""
        found = content if isinstance(content, dict) else {}
        client_id = member(found, "client_id", str, self.issuer)
        if not client_id or (before is not None and client_id != before.client_id):
            raise BadAnswer(f"{self.issuer} answers with no client, or with another one")
        secret = member(found, "client_secret", str, self.issuer)
        kind = member(found, "app_type", str, self.issuer)
        registration = ClientRegistration(
            member(found, "name", str, self.issuer) or sent.name,
            tuple(member(found, "grant_types", list, self.issuer) or sent.grant_types),
            tuple(member(found, "callbacks", list, self.issuer) or sent.redirect_uris),
            sent.scopes,
            member(found, "token_endpoint_auth_method", str, self.issuer) or sent.token_endpoint_auth_method,
            sent.owner,
            {**sent.properties, **({"app_type": kind} if kind else {})},
        )
        known = None if before is None else before.client_secret
        return RegisteredClient(client_id, Secret(secret) if secret else known, registration)

    def _at(self, client: RegisteredClient) -> str:
        return f"{self._place('clients')}/{client_segment(client.client_id)}"

    def _place(self, *names: str) -> str:
        return "/".join((f"{self.issuer.rstrip('/')}/api/v2", *(quote(name, safe="") for name in names)))


def _content(registration: ClientRegistration) -> dict[str, Any]:
    """A client as the Management API takes it."""
    service = registration.grant_types == ("client_credentials",)
    properties = {name: value for name, value in registration.properties.items() if name != "audience_of_api"}
    return {
        "name": registration.name,
        "grant_types": list(registration.grant_types),
        "callbacks": list(registration.redirect_uris),
        "token_endpoint_auth_method": registration.token_endpoint_auth_method,
        "app_type": "non_interactive" if service else "regular_web",
        **properties,
    }
