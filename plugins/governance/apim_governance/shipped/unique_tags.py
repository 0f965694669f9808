"""``uniquenessTags``: no two tags have the same name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

__all__ = ["UniqueTags"]


@attrs.frozen
class UniqueTags(RulesetFunction):
    """Looks at a list of tags."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, list) or not all(
            isinstance(tag, dict) and isinstance(tag.get("name"), str) for tag in target
        ):
            return
        seen: set[str] = set()
        for index, tag in enumerate(target):
            if tag["name"] in seen:
                text = f'"tags" object contains duplicate tag name "{tag["name"]}".'
                yield Violation(text, (*context.path, index, "name"))
            seen.add(tag["name"])
