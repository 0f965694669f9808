"""``oasDiscriminator``: the property that tells schemas apart is there, and required (OpenAPI 2.0)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

__all__ = ["Discriminator"]


@attrs.frozen
class Discriminator(RulesetFunction):
    """Looks at schemas that have a ``discriminator`` with a name."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or not isinstance(target.get("discriminator"), str):
            return
        name = target["discriminator"]
        properties, required = target.get("properties"), target.get("required")
        if not isinstance(properties, dict) or name not in properties:
            text = "The discriminator property must be defined in this schema."
            yield Violation(text, (*context.path, "properties"))
        if not isinstance(required, list) or name not in required:
            text = "The discriminator property must be in the required property list."
            yield Violation(text, (*context.path, "required"))
