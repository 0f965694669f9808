"""``alphabetical``: whether names, texts or numbers stand in their order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options
from apim_governance.messages import printed
from apim_governance.paths.javascript import number_of

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
        if isinstance(target, dict):
            items: list[Any] = list(target)
        elif self.keyed_by is not None:
            if any(not isinstance(item, dict) for item in target):
                yield '#{{print("property")}} must be an object'
                return
            items = [item.get(self.keyed_by) for item in target]
        else:
            items = target
        if not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in items):
            if self.keyed_by is None:
                yield '#{{print("property")}} must be one of the allowed types: number, string'
            return
        for index, (first, second) in enumerate(pairwise(items)):
            if _greater(first, second):
                if self.keyed_by is not None:
                    yield "properties must follow the alphabetical order"
                else:
                    key = first if isinstance(target, dict) else index
                    text = f"{printed(first)} must be placed after {printed(second)}"
                    yield Violation(text, (*context.path, key))
                return


def _greater(first: Any, second: Any) -> bool:
    """Numbers, and texts that are numbers, by their size; other texts as people order them."""
    one, other = number_of(first), number_of(second)
    if not math.isnan(one) and not math.isnan(other):
        return one > other
    if not isinstance(first, str) or not isinstance(second, str):
        return False
    return _collated(first) > _collated(second)


def _collated(text: str) -> tuple[Any, ...]:
    """Punctuation before digits before letters, and small letters before capitals only where that is the difference."""
    kinds = tuple((2 if letter.isalpha() else 1 if letter.isdigit() else 0, letter.casefold()) for letter in text)
    return kinds, tuple(letter.isupper() for letter in text)
