"""``oasUnusedComponent``: components that nothing refers to (OpenAPI 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.unreferenced import unreferenced

__all__ = ["UnusedComponents"]

_KINDS: Final = (
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "links",
    "callbacks",
)


@attrs.frozen
class UnusedComponents(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        components = target.get("components") if isinstance(target, dict) else None
        if isinstance(components, dict):
            for kind in _KINDS:
                yield from unreferenced(components.get(kind), ("components", kind), context)
