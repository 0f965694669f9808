"""``oasSecurityDefined``: what a security requirement names is defined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options

__all__ = ["SecurityDefined"]


@attrs.frozen
class SecurityDefined(RulesetFunction):
    """Looks at a security requirement: schemes must be defined, and their scopes."""

    version: int
    """The major version of OpenAPI."""

    @classmethod
    def from_options(cls, written: Any) -> SecurityDefined:
        """See ``functions.function``."""
        options = Options("oasSecurityDefined", written, ("oasVersion",), '{ "oasVersion": 3 }')
        version = options.get("oasVersion", int, "must be 2 or 3", 3)
        options.check()
        return cls(version)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not _is_requirement(target) or not isinstance(context.document, dict):
            return
        place = "securityDefinitions" if self.version == 2 else "components.securitySchemes"
        schemes: Any = context.document
        for part in place.split("."):
            schemes = schemes.get(part) if isinstance(schemes, dict) else None
        for name, scopes in target.items():
            if not isinstance(schemes, dict) or name not in schemes:
                what = "API" if len(context.path) == 2 else "Operation"
                text = f'{what} "security" values must match a scheme defined in the "{place}" object.'
                yield Violation(text, (*context.path, name))
                continue
            for index, scope in enumerate(scopes):
                if not self._has(schemes[name], scope):
                    yield Violation(f'"{scope}" must be listed among scopes.', (*context.path, name, index))

    def _has(self, scheme: Any, scope: str) -> bool:
        if not isinstance(scheme, dict):
            return False
        if self.version == 2:
            return isinstance(scheme.get("scopes"), dict) and scope in scheme["scopes"]
        flows = scheme.get("flows")
        return isinstance(flows, dict) and any(
            isinstance(flow, dict) and isinstance(flow.get("scopes"), dict) and scope in flow["scopes"]
            for flow in flows.values()
        )


def _is_requirement(target: Any) -> bool:
    return isinstance(target, dict) and all(
        isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes) for scopes in target.values()
    )
