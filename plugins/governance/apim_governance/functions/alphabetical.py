"""``alphabetical``: whether names, texts or numbers stand in their order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.collation import collated
from apim_governance.functions.options import Options
from apim_governance.messages import printed
from apim_governance.paths.javascript import member, number_of, type_of

__all__ = ["Alphabetical"]


@attrs.frozen
class Alphabetical(RulesetFunction):
    """The members of a mapping by their names, the items of a list by themselves, or by one of their members."""

    keyed_by: str | None = None
    """The member by which items are ordered."""

    @classmethod
    def from_options(cls, written: Any) -> Alphabetical:
        """See ``functions.function``."""
        if written is None:
            return cls()
        example = 'null (no options), { "keyedBy": "my-key" }'
        options = Options("alphabetical", written, ("keyedBy",), example)
        keyed_by = options.get("keyedBy", str, "accepts only the following types: string")
        options.check()
        return cls(keyed_by)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict | list) or len(target) < 2:
            return
        items = list(target)
        if self.keyed_by is not None:
            if any(not isinstance(item, dict | list) for item in items):
                yield '#{{print("property")}}must be an object'
                return
            items = [member(item, self.keyed_by) for item in items]
        if not all(type_of(item) in ("string", "number") for item in items):
            yield '#{{print("property")}}must be one of the allowed types: number, string'
            return
        for index, (first, second) in enumerate(pairwise(items)):
            if _behind(first, second):
                if self.keyed_by is not None:
                    yield "properties must follow the alphabetical order"
                else:
                    key = first if isinstance(target, dict) else index
                    text = f"{printed(first)} must be placed after {printed(second)}"
                    yield Violation(text, (*context.path, key))
                return


def _behind(first: Any, second: Any) -> bool:
    """Texts as people order them. Numbers by their size, where they differ by one at least, also before a text that is
    a number; what cannot be compared is in order."""
    if isinstance(first, str) and isinstance(second, str):
        if not math.isnan(number_of(first)) or math.isnan(number_of(second)):
            return bool(collated(first) > collated(second))
        return False
    if isinstance(first, str) and not math.isnan(number_of(first)):
        return False
    return number_of(first) - number_of(second) >= 1
