"""Which issuers Microsoft Entra ID is, and which keys may sign for them.

A token names its tenant (``tid``) beside its issuer (``iss``), which has two forms, one for each version of tokens.
Keys name whom they sign for: every tenant (``{tenantid}``), or a single one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

__all__ = ["MULTI_TENANT", "Issuers", "is_tenant_id"]

MULTI_TENANT: Final = ("organizations", "consumers")
"""The authorities that stand for many tenants: those of organisations, and the one of all personal accounts."""

_CONSUMERS: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal Microsoft accounts."""
_TENANT_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_tenant_id(text: str) -> bool:
    """Whether a text is the id of a tenant, as tokens have it."""
    return _TENANT_ID.fullmatch(text) is not None


@attrs.frozen
class Issuers:
    """The issuers of one authority.

    ``login`` and ``sts`` are the origins in the ``iss`` of tokens of version 2.0 and 1.0; ``tenant`` is a tenant's id
    or one of MULTI_TENANT; of several tenants only those of ``allowed`` count, if there are any.
    """

    login: str
    sts: str
    tenant: str
    allowed: frozenset[str] = frozenset()

    def issued(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token of these claims says that it is by one of them."""
        tenant, issuer = claims.get("tid"), claims.get("iss")
        if not isinstance(tenant, str) or not is_tenant_id(tenant) or not self._accepts(tenant):
            return False
        return issuer in (f"{self.login}/{tenant}/v2.0", f"{self.sts}/{tenant}/")

    def may_sign(self, key: Mapping[str, Any]) -> bool:
        """Whether a key signs for tenants that are accepted: for every one, or just the only one that is.

        A key that signs for one tenant of many is not used: that of personal accounts must not vouch for an
        organisation's users.
        """
        issuer = key.get("issuer")
        if issuer is None or issuer == f"{self.login}/{{tenantid}}/v2.0":
            return True
        only = _CONSUMERS if self.tenant == "consumers" else self.tenant
        return bool(issuer == f"{self.login}/{only}/v2.0")

    def _accepts(self, tenant: str) -> bool:
        if self.tenant == "organizations":
            return tenant in self.allowed if self.allowed else tenant != _CONSUMERS
        return tenant == (_CONSUMERS if self.tenant == "consumers" else self.tenant)
