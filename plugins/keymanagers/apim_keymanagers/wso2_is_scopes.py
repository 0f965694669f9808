"""Scopes as WSO2 Identity Server 7 keeps them: permissions of an API resource, which roles have or have not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs
from apim_sdk import Logger

from apim_keymanagers.answers import BadAnswer
from apim_keymanagers.management import Management

__all__ = ["Scopes", "role_name"]

_RESOURCE: Final = "User-defined-oauth2-resource"
"""The identifier of the API resource that holds the scopes, the one that WSO2 API Manager uses."""
_SEARCH: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_PAGE: Final = 100
"""Roles asked for at once (RFC 7644, section 3.4.2.4)."""


def role_name(role: str) -> str:
    """What the server calls a role of the API platform.

    ``Internal/x`` is its ``x``; ``STORE/x`` of a user store its ``system_store_x``; and ``x``, which is of the primary
    user store, its ``system_primary_x``.
    """
    store, slash, name = role.partition("/")
    if not slash:
        return f"system_primary_{role}"
    return name if store.lower() == "internal" else f"system_{store.lower()}_{name}"


@attrs.frozen
class _Role:
    id: str
    name: str
    permissions: Mapping[str, str]
    """What it may, by the scope; with what it is shown as."""


class Scopes:
    """The scopes at one server.

    ``resources`` and ``roles`` are the URLs of its API resource management and of its roles (SCIM 2.0); roles that do
    not exist are made if ``creates_roles``, else left out and logged.
    """

    def __init__(self, calls: Management, resources: str, roles: str, creates_roles: bool, log: Logger) -> None:
        self._calls = calls
        self._resources = resources
        self._roles = roles
        self._creates_roles = creates_roles
        self._log = log
        self._lock = asyncio.Lock()

    async def put(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        """Have these scopes, each with just these roles. Raises KeyManagerError or OSError."""
        if not scopes:
            return
        async with self._lock:  # a role's permissions are replaced as a whole: two at once would undo each other
            await self._put_permissions(tuple(scopes))
            await self._put_roles(scopes)

    async def _put_permissions(self, names: tuple[str, ...]) -> None:
        query = urlencode({"filter": f"identifier eq {_RESOURCE}"}, quote_via=quote)
        found = await self._listed("GET", f"{self._resources}?{query}", "apiResources")
        if not found:
            await self._calls.call("POST", self._resources, _resource([_permission(name) for name in names]))
            return
        place = f"{self._resources}/{quote(str(found[0].get('id')), safe='')}"
        known = await self._calls.call("GET", f"{place}/scopes")
        if not isinstance(known, list):
            raise BadAnswer(f"GET {place}/scopes is answered with no list of scopes")
        there = {scope.get("name") for scope in known if isinstance(scope, Mapping)}
        new = [_permission(name) for name in names if name not in there]
        if new:
            await self._calls.call("PATCH", place, {"addedScopes": new})

    async def _put_roles(self, scopes: Mapping[str, tuple[str, ...]]) -> None:
        wanted: dict[str, set[str]] = {}
        for scope, roles in scopes.items():
            for role in roles:
                wanted.setdefault(role_name(role), set()).add(scope)
        known = {role.name: role for role in await self._all_roles()}
        for there in known.values():
            kept = {name: shown for name, shown in there.permissions.items() if name not in scopes}
            now = {**kept, **{name: there.permissions.get(name, name) for name in sorted(wanted.get(there.name, ()))}}
            if now.keys() != there.permissions.keys():
                await self._replace(there, now)
        missing = sorted(wanted.keys() - known.keys())
        if missing and not self._creates_roles:
            self._log.warning("Roles that scopes are bound to do not exist at the key manager", roles=missing)
            return
        for name in missing:
            permissions = [{"value": scope, "display": scope} for scope in sorted(wanted[name])]
            await self._calls.call("POST", self._roles, {"displayName": name, "permissions": permissions})

    async def _replace(self, role: _Role, permissions: Mapping[str, str]) -> None:
        values = [{"value": name, "display": shown} for name, shown in permissions.items()]
        operation = {"op": "replace", "value": {"permissions": values}}
        place = f"{self._roles}/{quote(role.id, safe='')}"
        await self._calls.call("PATCH", place, {"schemas": [_PATCH], "Operations": [operation]})

    async def _all_roles(self) -> list[_Role]:
        roles: list[_Role] = []
        while True:
            search = {"schemas": [_SEARCH], "startIndex": len(roles) + 1, "count": _PAGE}
            page = await self._listed("POST", f"{self._roles}/.search", "Resources", search)
            roles += [_role(each) for each in page]
            if len(page) < _PAGE:
                return roles

    async def _listed(self, method: str, url: str, name: str, content: Any = None) -> list[Mapping[str, Any]]:
        answer = await self._calls.call(method, url, content)
        listed = answer.get(name, []) if isinstance(answer, Mapping) else None
        if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
            raise BadAnswer(f"{method} {url} is answered without a list {name!r}")
        return listed


def _resource(permissions: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "identifier": _RESOURCE,
        "name": "User-defined OAuth2 Resource",
        "description": "The scopes of APIs",
        "requiresAuthorization": True,
        "scopes": permissions,
    }


def _permission(name: str) -> dict[str, str]:
    return {"name": name, "displayName": name, "description": ""}


def _role(content: Mapping[str, Any]) -> _Role:
    permissions = content.get("permissions") or ()
    return _Role(
        str(content.get("id")),
        str(content.get("displayName")),
        {str(each.get("value")): str(each.get("display") or each.get("value")) for each in permissions},
    )
