"""Require scopes and roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Exchange, Policy, Reject, errors, state

__all__ = ["RequireScopes", "RoleRules"]

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, section 3.3."""


def _scopes(instance: Any, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for scope in value:
        if not _SCOPE.fullmatch(scope):
            raise ValueError(f"{scope!r} is no scope: it is text without spaces, quotes and backslashes")


@attrs.frozen
class RoleRules:
    """Roles that the subject must have."""

    any: tuple[str, ...] = ()
    """Of which it must have at least one."""
    all: tuple[str, ...] = ()
    """Of which it must have every one."""


@attrs.frozen
class RequireScopes(Policy):
    """Refuses with 403 who lacks scopes that the credential must grant, or roles that the subject must have.

    Where several rules are given, all of them hold. `scopes` of an operation does the simple case: one of several.
    """

    example: ClassVar[Any] = {"all": ["orders.read", "orders.write"], "roles": {"any": ["clerk", "manager"]}}

    any: tuple[str, ...] = attrs.field(default=(), validator=_scopes)
    """Scopes of which the credential must grant at least one."""
    all: tuple[str, ...] = attrs.field(default=(), validator=_scopes)
    """Scopes of which it must grant every one."""
    roles: RoleRules = RoleRules()
    """Roles that the subject must have."""
    _any: frozenset[str] = state()
    _all: frozenset[str] = state()
    _any_role: frozenset[str] = state()
    _all_roles: frozenset[str] = state()
    _challenge: Mapping[str, str] = state()

    def __attrs_post_init__(self) -> None:
        if not (self.any or self.all or self.roles.any or self.roles.all):
            raise ValueError("say what is required: scopes under `any` or `all`, or `roles`")
        asked = " ".join(dict.fromkeys((*self.all, *self.any)))
        scope = f', scope="{asked}"' if asked else ""
        self.hold(
            _any=frozenset(self.any),
            _all=frozenset(self.all),
            _any_role=frozenset(self.roles.any),
            _all_roles=frozenset(self.roles.all),
            _challenge={"WWW-Authenticate": f'Bearer realm="apim", error="insufficient_scope"{scope}'},
        )

    def on_request(self, exchange: Exchange) -> None:
        principal = exchange.principal
        if principal is None:
            raise self._refusal("nobody has been authenticated")
        if not _holds(principal.scopes, self._any, self._all):
            raise self._refusal("the credential lacks a scope")
        if not _holds(principal.roles, self._any_role, self._all_roles):
            raise self._refusal("the subject lacks a role", "The subject lacks a role that this call requires")

    def _refusal(self, detail: str, description: str | None = None) -> Reject:
        return Reject(errors.INSUFFICIENT_SCOPE, description, headers=self._challenge, detail=detail)


def _holds(granted: frozenset[str], any_of: frozenset[str], all_of: frozenset[str]) -> bool:
    return all_of <= granted and (not any_of or not any_of.isdisjoint(granted))
