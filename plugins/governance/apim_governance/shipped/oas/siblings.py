"""``refSiblings``: a reference stands alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.documents.pointers import NotThere, pointed

__all__ = ["NoSiblings"]


@attrs.frozen
class NoSiblings(RulesetFunction):
    """Looks at a ``$ref``; what stands beside it is found."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        *holder, _ = context.path
        value = context.document
        try:
            for part in holder:
                value = pointed(value, part)
        except NotThere:
            return
        if isinstance(value, dict) and len(value) > 1:
            for name in value:
                if name != "$ref":
                    text = "$ref must not be placed next to any other properties"
                    yield Violation(text, (*holder, name))
