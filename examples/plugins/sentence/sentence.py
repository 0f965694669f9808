"""`sentence`: a function for rules that want texts to be sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk import RuleContext, RulesetFunction, Violation

__all__ = ["Sentence"]


@attrs.frozen
class Sentence(RulesetFunction):
    """Texts begin with a capital letter and end with a full stop; what is no text is not looked at."""

    longest: int = 500
    """How many characters they may have."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, str):
            return
        if not target[:1].isupper() or not target.endswith("."):
            yield "it must be a sentence"
        if len(target) > self.longest:
            yield f"it has more than {self.longest} characters"
