"""``oasTagDefined``: tags of operations are described."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.oas.operations import operations_of

__all__ = ["TagsDefined"]


@attrs.frozen
class TagsDefined(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        tags = target.get("tags")
        described = {
            tag["name"]
            for tag in (tags if isinstance(tags, list) else ())
            if isinstance(tag, dict) and isinstance(tag.get("name"), str)
        }
        for path, method, operation in operations_of(target.get("paths")):
            tags = operation.get("tags")
            for index, tag in enumerate(tags if isinstance(tags, list) else ()):
                if not isinstance(tag, str) or tag not in described:
                    text = "Operation tags must be defined in global tags."
                    yield Violation(text, ("paths", path, method, "tags", index))
