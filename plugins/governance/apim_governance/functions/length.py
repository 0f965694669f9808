"""``length``: how long a text or a list is, how many members a mapping has, how large a number is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options
from apim_governance.paths.javascript import member, text_of

__all__ = ["Length"]


@attrs.frozen
class Length(RulesetFunction):
    """Between ``min`` and ``max``."""

    min: float | None = None
    """The least that is allowed."""
    max: float | None = None
    """The most that is allowed."""

    @classmethod
    def from_options(cls, written: Any) -> Length:
        """See ``functions.function``."""
        example = '{ "min": 2 }, { "max": 5 }, { "min": 0, "max": 10 }'
        options = Options("length", written, ("min", "max"), example)
        if not written:
            options.add("must NOT have fewer than 1 properties")
        wanted = "accepts only the following types: number"
        made = cls(*(options.get(name, (int, float), wanted) for name in ("min", "max")))
        options.check()
        return made

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if isinstance(target, bool) or not isinstance(target, str | list | dict | int | float):
            return
        size = (
            target
            if isinstance(target, int | float)
            else member(target, "length")
            if isinstance(target, str)
            else len(target)
        )
        if self.min is not None and size < self.min:
            yield f'#{{{{print("property")}}}}must be longer than {text_of(self.min)}'
        if self.max is not None and size > self.max:
            yield f'#{{{{print("property")}}}}must be shorter than {text_of(self.max)}'
