"""``oasPathParam``: paths and their parameters fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.paths.javascript import text_of
from apim_governance.shipped.oas.operations import METHODS

__all__ = ["PathParameters"]

_PARAMETER: Final = re.compile(r"\{;?\??[a-zA-Z0-9_-]+\*?\}")
_SIGNS: Final = str.maketrans("", "", "{}?*;")


@attrs.frozen
class PathParameters(RulesetFunction):
    """Looks at ``paths``: no two are equivalent, names are used once, and each is defined and required."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        seen: dict[str, str] = {}
        for path, item in target.items():
            if not isinstance(item, dict | list):
                continue
            same = seen.setdefault(_PARAMETER.sub("%", path), path)
            if same != path:
                yield Violation(f'Paths "{same}" and "{path}" must not be equivalent.', ("paths", path))
            expected: dict[str, None] = {}
            for found in _PARAMETER.findall(path):
                name = found.translate(_SIGNS)
                if name in expected:
                    text = f'Path "{path}" must not use parameter "{{{name}}}" multiple times.'
                    yield Violation(text, ("paths", path))
                else:
                    expected[name] = None
            if isinstance(item, dict):
                yield from _operations(path, item, expected)


def _operations(path: str, item: dict[str, Any], expected: dict[str, None]) -> Iterator[Violation]:
    common: dict[str, JSONPath] = {}
    yield from _defined(item.get("parameters"), ("paths", path, "parameters"), common)
    for method, operation in item.items():
        if method not in METHODS or not isinstance(operation, dict):
            continue
        place: JSONPath = ("paths", path, method)
        own: dict[str, JSONPath] = {}
        yield from _defined(operation.get("parameters"), (*place, "parameters"), own)
        defined = {**common, **own}
        for name, where in defined.items():
            if name not in expected:
                yield Violation(f'Parameter "{name}" must be used in path "{path}".', where)
        for name in expected:
            if name not in defined:
                text = f'Operation must define parameter "{{{name}}}" as expected by path "{path}".'
                yield Violation(text, place)


def _defined(parameters: Any, place: JSONPath, defined: dict[str, JSONPath]) -> Iterator[Violation]:
    """Take in the path parameters of a list, and tell of those that are not as they must be."""
    for index, parameter in enumerate(parameters if isinstance(parameters, list) else ()):
        if not isinstance(parameter, dict) or parameter.get("in") != "path" or "name" not in parameter:
            continue
        name, where = text_of(parameter["name"]), (*place, index)
        if parameter.get("required") is not True:
            text = f'Path parameter "{name}" must have "required" property that is set to "true".'
            yield Violation(text, where)
        if name in defined:
            yield Violation(f'Path parameter "{name}" must not be defined multiple times.', where)
        else:
            defined[name] = where
