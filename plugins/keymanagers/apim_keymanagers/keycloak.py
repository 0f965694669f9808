"""Trust a realm of Keycloak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import attrs
from apim_sdk import ClientField, Context, RegisteredClient, Secret, state

from apim_keymanagers.answers import BadAnswer
from apim_keymanagers.client_fields import CERTIFICATE_BOUND, RESPONSE_TYPES, SUBJECT_TYPE
from apim_keymanagers.client_places import client_segment
from apim_keymanagers.management import Management
from apim_keymanagers.oidc import OIDC
from apim_keymanagers.tokens import OwnToken

__all__ = ["Keycloak"]

_ACCESS_TOKENS = ("Bearer", "DPoP")


@attrs.frozen
class Keycloak(OIDC):
    """Trusts a realm of Keycloak, and registers clients there as a client of its own, by its service account.

    The issuer is the realm's URL. The service account needs the role `create-client` of `realm-management` to register
    clients, `manage-clients` to change those of others and to renew secrets.
    """

    example: ClassVar[Any] = {
        "issuer": "https://keycloak.example/realms/shop",
        "credentials": {"id": "gateway", "secret": "the secret of gateway"},
    }
    client_fields: ClassVar[tuple[ClientField, ...]] = (RESPONSE_TYPES, SUBJECT_TYPE, CERTIFICATE_BOUND)

    claim_mapping: Mapping[str, str] = attrs.field(factory=lambda: {"realm_access.roles": "roles"}, hash=False)
    """Claims of its tokens by the names that they get here. Dots lead into objects; a name that is given here is filled
    by no other claim."""
    client_id_claim: str | None = "azp"  # type: ignore[misc]  # an option here
    """Claim that names the client."""
    _account: OwnToken = state()
    _admin: Management = state()

    def issues(self, claims: Mapping[str, Any]) -> bool:
        """Its ID, refresh and logout tokens look like access tokens but for the claim `typ`."""
        return super().issues(claims) and claims.get("typ", "Bearer") in _ACCESS_TOKENS

    async def start(self, context: Context) -> None:
        account = OwnToken(lambda: self.token({"grant_type": "client_credentials"}), context.clock)
        self.hold(_account=account, _admin=Management(context, self._administrator, self.tls, account.forget))
        await super().start(context)

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        clients = f"{self._base()}/admin/realms/{self._realm()}/clients"
        found = await self._admin.call("GET", f"{clients}?clientId={quote(client.client_id, safe='')}")
        if not isinstance(found, list) or not found:
            raise LookupError(f"{self.issuer} does not know the client {client.client_id}")
        made = await self._admin.call("POST", f"{clients}/{quote(str(found[0].get('id')), safe='')}/client-secret")
        if not isinstance(made, dict) or not isinstance(made.get("value"), str):
            raise BadAnswer(f"{self.issuer} answers with no secret")
        return attrs.evolve(client, client_secret=Secret(made["value"]))

    async def _administrator(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {await self._account.value()}"}

    async def _authorization(self) -> str | None:
        configured = await super()._authorization()
        if configured is not None or self.credentials is None:
            return configured
        return f"Bearer {await self._account.value()}"

    async def _managed(self, client: RegisteredClient) -> tuple[RegisteredClient, str | None]:
        managed = client
        if "registration_client_uri" not in client.management:
            place = f"{self._usual()['registration_endpoint']}/{client_segment(client.client_id)}"
            managed = attrs.evolve(client, management={**client.management, "registration_client_uri": place})
        if "registration_access_token" in client.management or self.credentials is None:
            return managed, None
        return managed, f"Bearer {await self._account.value()}"

    def _usual(self) -> Mapping[str, str]:
        realm = self.issuer.rstrip("/")
        return {"registration_endpoint": f"{realm}/clients-registrations/openid-connect"}

    def _base(self) -> str:
        return self.issuer.partition("/realms/")[0]

    def _realm(self) -> str:
        return urlsplit(self.issuer).path.rstrip("/").rpartition("/")[2]
