"""``keylessReads``: who shows no credential may only read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.recommended.apis import READING, authenticators, method_of, operations, plans

__all__ = ["KeylessReads"]


@attrs.frozen
class KeylessReads(RulesetFunction):
    """Looks at an API: where a plan lets everybody in, operations that may write must say that they are open."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not any("keyless" in authenticators(plan) for _, plan in plans(target)):
            return
        for index, operation in operations(target):
            if method_of(operation) not in READING and operation.get("authentication") != "none":
                message = f"{operation.get('match')} is open to everybody through a keyless plan"
                yield Violation(message, (*context.path, "operations", index, "match"))
