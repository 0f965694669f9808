"""``differentSecuritySchemes``: who administers comes in by other means than everybody."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options
from apim_governance.shipped.oas.operations import operations_of

__all__ = ["AdminApart"]


@attrs.frozen
class AdminApart(RulesetFunction):
    """Looks at a whole document: no requirement of an operation under ``admin_url`` is one of any other operation."""

    admin_url: str = "/admin"
    """What is in the path of an operation for administrators."""

    @classmethod
    def from_options(cls, written: Any) -> AdminApart:
        """See ``functions.function``."""
        options = Options("differentSecuritySchemes", written, ("adminUrl",), '{ "adminUrl": "/admin" }')
        url = options.get("adminUrl", str, "accepts only the following types: string", "/admin")
        options.check()
        return cls(url)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        common: set[str] = set()
        administrative: list[tuple[str, str, JSONPath]] = []
        for path, method, operation in operations_of(target.get("paths")):
            security = operation.get("security")
            for index, requirement in enumerate(security if isinstance(security, list) else ()):
                if not isinstance(requirement, dict | list):
                    continue
                text = json.dumps(requirement)
                if self.admin_url in path:
                    administrative.append((path, text, ("paths", path, method, "security", index)))
                else:
                    common.add(text)
        for path, text, place in administrative:
            if text in common:
                message = f"Admin endpoint {path} has the same security requirement as a non-admin endpoint."
                yield Violation(message, place)
