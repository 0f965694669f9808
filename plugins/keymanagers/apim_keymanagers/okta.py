"""Trust an authorization server of Okta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import attrs
from apim_sdk import ClientField, ClientRegistration, Context, RegisteredClient, Secret, Unsupported, state

from apim_keymanagers.client_fields import RESPONSE_TYPES
from apim_keymanagers.client_places import client_segment
from apim_keymanagers.management import Management
from apim_keymanagers.oidc import OIDC
from apim_keymanagers.registration import registered

__all__ = ["Okta"]

_KIND = ClientField(
    "application_type",
    "Kind of application",
    "Without it, `service` for one that only uses client credentials, else `web`.",
    "choice",
    values=("web", "native", "service", "browser"),
)


@attrs.frozen
class Okta(OIDC):
    """Trusts an authorization server of Okta, and registers clients in its organisation by an API token.

    The issuer is the server's, such as `https://shop.okta.example/oauth2/default`.
    """

    example: ClassVar[Any] = {
        "issuer": "https://shop.okta.example/oauth2/default",
        "api_token": "a token of an administrator",
        "credentials": {"id": "0oa-gateway", "secret": "its secret"},
    }
    client_fields: ClassVar[tuple[ClientField, ...]] = (_KIND, RESPONSE_TYPES)

    api_token: Secret | None = None
    """API token (`SSWS`) of an administrator of the organisation, to keep clients and scopes there."""
    client_id_claim: str | None = "cid"  # type: ignore[misc]  # an option here
    """Claim that names the client."""
    scope_claim: str = "scp"  # type: ignore[misc]  # as above
    """Claim that holds the scopes."""
    _admin: Management = state()

    async def start(self, context: Context) -> None:
        self.hold(_admin=Management(context, self._administrator, self.tls))
        await super().start(context)

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        return await super().register(_complete(registration))

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        return await super().update(client, _complete(registration))

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        place = f"{self._place(client.client_id)}/lifecycle/newSecret"
        content = await self._admin.call("POST", place)
        answered = content if isinstance(content, dict) else {}
        return registered(answered, client.registration, self.client_fields, self.issuer, client)

    async def put_scopes(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        """Roles are not bound to scopes at Okta, but by its access policies."""
        base, _, server = self.issuer.rstrip("/").rpartition("/oauth2/")
        if not base:
            raise Unsupported(f"{self.issuer} is the server of an organisation: Okta keeps scopes for custom ones only")
        place = f"{base}/api/v1/authorizationServers/{server}/scopes"
        found = await self._admin.call("GET", place)
        known = {each.get("name") for each in found or () if isinstance(each, dict)}
        for name in scopes.keys() - known:
            await self._admin.call(
                "POST", place, {"name": name, "consent": "IMPLICIT", "metadataPublish": "NO_CLIENTS"}
            )

    async def _administrator(self) -> Mapping[str, str]:
        if self.api_token is None:
            raise Unsupported("the gateway is no administrator at Okta: configure `api_token`")
        return {"Authorization": f"SSWS {self.api_token.reveal()}"}

    async def _authorization(self) -> str | None:
        return (await self._administrator())["Authorization"]

    async def _managed(self, client: RegisteredClient) -> tuple[RegisteredClient, str | None]:
        place = {"registration_client_uri": self._place(client.client_id)}
        return attrs.evolve(client, management=place), await self._authorization()

    def _usual(self) -> Mapping[str, str]:
        return {"registration_endpoint": self._clients()}

    def _clients(self) -> str:
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}/oauth2/v1/clients"

    def _place(self, client_id: str) -> str:
        return f"{self._clients()}/{client_segment(client_id)}"


def _complete(registration: ClientRegistration) -> ClientRegistration:
    """Okta wants to know the kind of an application, and lets only a `service` use client credentials."""
    service = registration.grant_types == ("client_credentials",)
    default = {"application_type": "service", "response_types": ["token"]} if service else {"application_type": "web"}
    return attrs.evolve(registration, properties={**default, **registration.properties})
