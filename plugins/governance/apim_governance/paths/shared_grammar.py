"""Reads what all dialects of JSONPath have in common with the library jsonpath-ng, into the same syntax tree.

``parser`` reads all of Spectral's dialect, and it is what rulesets go through; see decision 19. This
is the other opinion: for an expression of the common grammar both must say the same.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from apim_governance.paths.syntax import Child, Descend, Index, Name, Path, Segment, Selector, Slice, Wildcard

__all__ = ["parse_common"]

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_QUOTED: Final = r"'[^'\\*]+'|\"[^\"\\*]+\""
_NUMBER: Final = r"-?(?:0|[1-9]\d*)"
_MEMBERS: Final = rf"\[\s*(?:{_NAME}|{_QUOTED})(?:\s*,\s*(?:{_NAME}|{_QUOTED}))*\s*\]"
_ITEMS: Final = rf"\[(?:{_NUMBER}|(?:{_NUMBER})?:(?:{_NUMBER})?(?::{_NUMBER})?)\]"
_STEP: Final = rf"\.(?:{_NAME}|\d+|\*)|\[\*\]|{_MEMBERS}|{_ITEMS}"
_COMMON: Final = re.compile(rf"\$(?:{_STEP}|\.\.(?:{_NAME}|{_MEMBERS})|\.\.\*(?=$))*", re.A)
"""What means the same to everybody: no filters, no parents, no bracket behind a single dot."""


def parse_common(expression: str) -> Path | None:
    """The syntax tree of an expression of the common grammar, None of any other one. The library is imported here."""
    text = expression.strip()
    if _COMMON.fullmatch(text) is None:
        return None
    segments: list[Segment] = []
    _add(_library().parse(text), segments)
    return Path(tuple(segments), text)


@cache
def _library() -> Any:
    from jsonpath_ng.parser import JsonPathParser  # importing it takes longer than reading a ruleset

    return JsonPathParser()


def _add(tree: Any, segments: list[Segment]) -> None:
    """Append the segments of a tree of the library."""
    kind = type(tree).__name__
    if kind == "Root":
        return
    _add(tree.left, segments)
    if kind == "Descendants":
        first = tree.right
        while type(first).__name__ == "Child":  # "$..a.b" is $ and then "a.b" at any depth
            first = first.left
        segments.append(Descend(_selectors(first)))
        rest: list[Any] = []
        behind = tree.right
        while behind is not first:
            rest.append(behind.right)
            behind = behind.left
        segments.extend(Child(_selectors(each)) for each in reversed(rest))
    else:
        segments.append(Child(_selectors(tree.right)))


def _selectors(tree: Any) -> tuple[Selector, ...]:
    kind = type(tree).__name__
    if kind == "Fields":
        return tuple(Wildcard() if name == "*" else Name(name) for name in tree.fields)
    if kind == "Index":
        return tuple(map(Index, tree.indices))
    if kind == "Slice" and (tree.start, tree.end, tree.step) != (None, None, None):
        return (Slice(tree.start, tree.end, tree.step),)
    return (Wildcard(),)
