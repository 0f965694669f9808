"""Trust Microsoft Entra ID, once Azure Active Directory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode

import attrs
from apim_sdk import (
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

from apim_keymanagers.answers import json_object
from apim_keymanagers.azure_ad_graph import Directory, Polling
from apim_keymanagers.azure_ad_issuers import MULTI_TENANT, Issuers, is_tenant_id
from apim_keymanagers.claim_mapping import claim_mapper
from apim_keymanagers.keyset import Keys, KeySet
from apim_keymanagers.management import Management
from apim_keymanagers.published_keys import Kept, keep_keys
from apim_keymanagers.tokens import OwnToken, issued_token

__all__ = ["AzureAD"]

_GRANT: Final = "client_credentials"
_NOT_REPLICATED: Final = ("AADSTS700016", "AADSTS7000215", "AADSTS7000229", "AADSTS500011")
"""Refusals of the token endpoint that may mean that it has not seen the application, its secret or its service
principal yet."""


def _origin(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.startswith(("https://", "http://")) or value.endswith("/"):
        raise ValueError(f"{value!r} is no origin: write https://host, without a slash at its end")


def _tenant(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if value == "common":
        raise ValueError(
            "'common' mixes the keys of organisations and of personal accounts: write `organizations`, and trust "
            "`consumers` by a key manager of its own"
        )
    if value not in MULTI_TENANT and not is_tenant_id(value):
        raise ValueError(f"{value!r} is no tenant: write its id (a GUID in lower case), or {' or '.join(MULTI_TENANT)}")


def _tenants(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for each in value:
        if not is_tenant_id(each):
            raise ValueError(f"{each!r} is no id of a tenant: it is a GUID in lower case")
    if value and instance.tenant != "organizations":
        raise ValueError("`allowed_tenants` are for `tenant: organizations`")


@attrs.frozen
class AzureAD(KeyManager):
    """Trusts Microsoft Entra ID, its tokens of version 1.0 and 2.0, and registers applications in its directory.

    Applications get tokens by client credentials, for themselves (`api://<id>/.default`). There is no introspection and
    no revocation, and an application that was registered elsewhere cannot be taken over.
    """

    scope_claim: ClassVar[str] = "scp"
    example: ClassVar[Any] = {
        "tenant": "72f988bf-86f1-41af-91ab-2d7cd011db47",
        "client_id": "11112222-bbbb-3333-cccc-4444dddd5555",
        "client_secret": "the secret of the gateway's own application",
    }

    tenant: str = attrs.field(validator=_tenant)
    """Id of the tenant (a GUID) whose tokens are taken; `organizations` for all tenants, `consumers` for personal
    accounts."""
    allowed_tenants: tuple[str, ...] = attrs.field(default=(), validator=_tenants)
    """With `tenant: organizations`, the ids of the tenants whose tokens are taken; without any, those of all are."""
    client_id: str | None = None
    """Id of the gateway's own application in the directory, which may manage others
    (`Application.ReadWrite.OwnedBy`); without it, none are registered."""
    client_secret: Secret | None = None
    """Secret of that application."""
    claim_mapping: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """Claims of its tokens by the names that they get here; dots lead into objects."""
    token_version: Literal["v1.0", "v2.0"] = "v2.0"  # noqa: S105  # a version
    """Version of the tokens that applications registered here get; both are taken."""
    secret_lifetime: Duration = Duration("180d")
    """For how long the secret of an application is good; the directory allows two years."""
    polling_initial_delay: Duration = Duration("500ms")
    """How soon a step is tried again that the directory refuses because it has not seen the one before."""
    polling_max_wait: Duration = Duration("5s")
    """For how long such a step is tried again; it then fails."""
    login: str = attrs.field(default="https://login.microsoftonline.com", validator=_origin)
    """Where tokens come from, and what their `iss` begins with; `https://login.partner.microsoftonline.cn` in China."""
    sts: str = attrs.field(default="https://sts.windows.net", validator=_origin)
    """What the `iss` of tokens of version 1.0 begins with; `https://sts.chinacloudapi.cn` in China."""
    graph: str = attrs.field(default="https://graph.microsoft.com", validator=_origin)
    """Where Microsoft Graph is; `https://microsoftgraph.chinacloudapi.cn` in China."""
    graph_version: Literal["v1.0", "beta"] = "v1.0"
    """Version of Microsoft Graph."""
    refresh: Duration = Duration("10m")
    """How often its keys are fetched, unless it says how long they are good."""
    _issuers: Issuers = state()
    _keys: KeySet = state()
    _kept: Kept = state()
    _context: Context = state()
    _directory: Directory = state()
    _rename: Callable[[Mapping[str, Any]], Mapping[str, Any]] = state()

    def __attrs_post_init__(self) -> None:
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("the gateway's own application has a `client_id` and a `client_secret`: write both")
        if self.client_id is not None and self.tenant in MULTI_TENANT:
            raise ValueError("applications are registered in one tenant: write its id as `tenant`, or no `client_id`")
        issuers = Issuers(self.login, self.sts, self.tenant, frozenset(self.allowed_tenants))
        self.hold(_issuers=issuers, _rename=claim_mapper(self.claim_mapping))

    @property
    def issuer(self) -> str | None:
        return None

    def issues(self, claims: Mapping[str, Any]) -> bool:
        return self._issuers.issued(claims)

    @property
    def generation(self) -> int:
        return self._keys.generation

    def keys(self, key_id: str | None) -> Keys | Awaitable[Keys]:
        return self._keys.keys(key_id)

    def claims(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Version 1.0 names the client ``appid``, where version 2.0 has the standard's ``azp``."""
        renamed = self._rename(claims)
        return {**renamed, "azp": renamed["appid"]} if "appid" in renamed and "azp" not in renamed else renamed

    async def start(self, context: Context) -> None:
        self.hold(_context=context, _directory=self._open_directory(context))
        place = f"{self.login}/{self.tenant}/discovery/v2.0/keys"
        kept = await keep_keys(context, self, place, self.refresh, usable=self._issuers.may_sign)
        self.hold(_keys=kept.keys, _kept=kept)

    async def stop(self) -> None:
        self._kept.leave()

    async def metadata(self) -> Mapping[str, Any]:
        place = f"{self.login}/{self.tenant}/v2.0/.well-known/openid-configuration"
        return MappingProxyType(json_object(await self._context.fetch(place), place))

    async def token(self, parameters: Mapping[str, str], client: RegisteredClient | None = None) -> IssuedToken:
        if client is None:
            default, credentials = f"{self.graph}/.default", self._own_credentials()
        else:
            secret = "" if client.client_secret is None else client.client_secret.reveal()
            default = f"api://{client.client_id}/.default"
            credentials = {"client_id": client.client_id, "client_secret": secret}
        form = {"scope": default, **parameters, **credentials}
        place = f"{self.login}/{self.tenant}/oauth2/v2.0/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = await self._context.fetch(place, method="POST", headers=headers, body=urlencode(form).encode())
        return issued_token(json_object(answer, place), form["scope"], place)

    async def register(self, registration: ClientRegistration) -> RegisteredClient:
        _check(registration)
        made = await self._writable().make(registration, self.secret_lifetime)
        await self._until_it_gets_tokens(made)
        return made

    async def client(self, client: RegisteredClient) -> RegisteredClient:
        return await self._writable().find(client)

    async def update(self, client: RegisteredClient, registration: ClientRegistration) -> RegisteredClient:
        _check(registration)
        return await self._writable().change(client, registration)

    async def renew_secret(self, client: RegisteredClient) -> RegisteredClient:
        return await self._writable().renew_secret(client, self.secret_lifetime)

    async def delete(self, client: RegisteredClient) -> None:
        await self._writable().remove(client)

    def _open_directory(self, context: Context) -> Directory:
        own = OwnToken(lambda: self.token({"grant_type": _GRANT}), context.clock)

        async def authorize() -> Mapping[str, str]:
            return {"Authorization": f"Bearer {await own.value()}"}

        return Directory(
            Management(context, authorize, forget=own.forget),
            f"{self.graph}/{self.graph_version}",
            2 if self.token_version == "v2.0" else 1,  # noqa: S105  # a version
            self._polling,
            context.clock,
            context.log,
        )

    @property
    def _polling(self) -> Polling:
        return Polling(self.polling_initial_delay, self.polling_max_wait)

    def _own_credentials(self) -> Mapping[str, str]:
        if self.client_id is None or self.client_secret is None:
            raise Unsupported("the gateway has no application of its own in the directory: configure `client_id`")
        return {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}

    def _writable(self) -> Directory:
        self._own_credentials()
        return self._directory

    async def _until_it_gets_tokens(self, client: RegisteredClient) -> None:
        """Wait for the directory to tell the token endpoint of a new client, as long as that may take."""
        try:
            await self._polling.until(
                lambda: self.token({"grant_type": _GRANT}, client),
                lambda error: error.description.startswith(_NOT_REPLICATED),
            )
        except (KeyManagerError, OSError) as error:
            self._context.log.warning(
                "A new application gets no tokens yet", client_id=client.client_id, error=str(error)
            )


def _check(registration: ClientRegistration) -> None:
    """Raises KeyManagerError for what an application cannot have."""
    if set(registration.grant_types) - {_GRANT} or not registration.grant_types:
        raise KeyManagerError("invalid_client_metadata", f"applications get tokens by {_GRANT} only")
    if registration.properties:
        first = next(iter(registration.properties))
        raise KeyManagerError("invalid_client_metadata", f"Microsoft Entra ID has no setting {first!r} of applications")
