"""What the token for the backend says of a call.

The names are those that backends behind WSO2 API Manager know.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from apim_sdk import Exchange, Principal

__all__ = ["claims_of"]

_OF_THE_TOKEN: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "azp", "client_id", "nonce", "sub"})
"""Claims that say how the caller's own token is to be used, or that are told under other names."""
_OF_THE_CALL: Final = (
    "apicontext", "apiname", "applicationAttributes", "applicationUUId", "applicationid", "applicationname", "enduser",
    "enduserTenantId", "keytype", "subscriber", "tier", "usertype", "version",
)  # fmt: skip
"""Names that only the gateway fills: a caller's token must not say them where the gateway has nothing to say."""


def claims_of(
    exchange: Exchange, principal: Principal, prefix: str, excluded: Collection[str] | None
) -> dict[str, Any]:
    """Claims about the call, their names behind ``prefix``, and under their own those of the caller's token.

    Those that are ``excluded`` are not passed on; ``excluded`` of None passes none of the caller's token on.
    """
    passed = {}
    if excluded is not None:
        kept_back = _OF_THE_TOKEN.union(excluded, (prefix + name for name in _OF_THE_CALL))
        passed = {name: value for name, value in principal.claims.items() if name not in kept_back}
    application = exchange.application
    api = exchange.api
    about: dict[str, Any] = {
        "apicontext": api.context,
        "apiname": api.name,
        "version": api.version,
        "keytype": (exchange.key_type or "production").upper(),
        "usertype": "APPLICATION" if principal.subject == principal.client_id else "APPLICATION_USER",
        "enduser": principal.subject,
    }
    if exchange.plan is not None:
        about["tier"] = exchange.plan.name
    if application is not None:
        about["applicationid"] = about["applicationUUId"] = application.id
        about["applicationname"] = application.name
        if application.owner is not None:
            about["subscriber"] = application.owner
        if application.tenant is not None:
            about["enduserTenantId"] = application.tenant
        if application.attributes:
            about["applicationAttributes"] = dict(application.attributes)
    if principal.roles:
        about["role"] = sorted(principal.roles)
    return {**passed, "sub": principal.subject, **{prefix + name: value for name, value in about.items()}}
