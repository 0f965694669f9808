"""``oasOpSuccessResponse``: an operation can succeed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.paths.javascript import number_of

__all__ = ["SuccessResponse"]


@attrs.frozen
class SuccessResponse(RulesetFunction):
    """Looks at ``responses``: one must be of 2xx or 3xx."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        wide = ("2XX", "3XX") if "oas3" in context.formats else ()
        if not any(status in wide or 200 <= number_of(status) < 400 for status in target):
            yield "Operation must define at least a single 2xx or 3xx response"
