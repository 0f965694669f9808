"""``asyncApiSecurity``: what a security requirement names is defined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options

__all__ = ["SecurityDefined"]

_FLOWS: Final = ("implicit", "password", "clientCredentials", "authorizationCode")


@attrs.frozen
class SecurityDefined(RulesetFunction):
    """Looks at a security requirement: schemes must be defined, and their scopes."""

    object_type: str
    """What it is a requirement of, ``Server`` or ``Operation``, for the message."""

    @classmethod
    def from_options(cls, written: Any) -> SecurityDefined:
        """See ``functions.function``."""
        options = Options("asyncApiSecurity", written, ("objectType",), '{ "objectType": "Server" }')
        kind = options.get("objectType", str, 'accepts only the following values: "Server", "Operation"', "Operation")
        options.check()
        return cls(kind)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not _is_requirement(target):
            return
        schemes: Any = context.document
        for part in ("components", "securitySchemes"):
            schemes = schemes.get(part) if isinstance(schemes, dict) else None
        for name, scopes in target.items():
            if not isinstance(schemes, dict) or name not in schemes:
                text = f"{self.object_type} must not reference an undefined security scheme."
                yield Violation(text, (*context.path, name))
                continue
            available = _scopes(schemes[name])
            for index, scope in enumerate(scopes):
                if available is not None and scope not in available:
                    listed = ", ".join(available)
                    text = f"Non-existing security scope for the specified security scheme. Available: [{listed}]"
                    yield Violation(text, (*context.path, name, index))


def _scopes(scheme: Any) -> list[str] | None:
    """The scopes of a scheme of OAuth 2, None for any other one."""
    if not isinstance(scheme, dict) or scheme.get("type") != "oauth2":
        return None
    flows = scheme.get("flows")
    found: dict[str, None] = {}
    for name in _FLOWS:
        flow = flows.get(name) if isinstance(flows, dict) else None
        scopes = flow.get("scopes") if isinstance(flow, dict) else None
        found.update(dict.fromkeys(scopes if isinstance(scopes, dict) else ()))
    return list(found)


def _is_requirement(target: Any) -> bool:
    return isinstance(target, dict) and all(
        isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes) for scopes in target.values()
    )
