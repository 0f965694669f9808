"""``oasOpIdUnique``: no two operations have the same ``operationId``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.oas.operations import operations_of

__all__ = ["UniqueOperationIds"]


@attrs.frozen
class UniqueOperationIds(RulesetFunction):
    """Looks at ``paths``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        seen: set[Any] = set()
        for path, method, operation in operations_of(target):
            if "operationId" not in operation:
                continue
            given = operation["operationId"]
            identity = given if isinstance(given, str | int | float) else repr(given)
            if identity in seen:
                yield Violation("operationId must be unique.", ("paths", path, method, "operationId"))
            seen.add(identity)
