"""Values as JSON Schema sees them: types, equality, numbers as texts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from apim_governance.paths.javascript import text_of

__all__ = ["TYPES", "encoded", "equal", "is_number", "members", "shown"]


def is_number(value: Any) -> bool:
    """A finite number. ``true`` is none."""
    kind = type(value)
    return kind is int or (kind is float and math.isfinite(value))


def _is_integer(value: Any) -> bool:
    kind = type(value)
    return kind is int or (kind is float and value.is_integer())


TYPES: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "array": lambda value: type(value) is list,
        "boolean": lambda value: value is True or value is False,
        "integer": _is_integer,
        "null": lambda value: value is None,
        "number": is_number,
        "object": lambda value: type(value) is dict,
        "string": lambda value: type(value) is str,
    }
)
"""Whether a value is of a type, by the type's name."""


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal: 1 and 1.0 are, 1 and true are not, the order of members does not matter."""
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(name in right and equal(value, right[name]) for name, value in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right) and not isinstance(right, dict | list)


def members(value: Mapping[str, Any]) -> Iterable[str]:
    """The names in a mapping in the order of JavaScript: numbers come first."""
    numbers = [name for name in value if name[:1].isdigit() and _NUMBER.fullmatch(name)]
    if not numbers:
        return value
    return sorted(numbers, key=int) + [name for name in value if name not in numbers]


_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")


def shown(value: Any) -> str:
    """A number, text or list as messages show it."""
    return text_of(value)


def encoded(value: Any) -> str:
    """A value as JSON without spaces, numbers as JavaScript writes them."""
    if isinstance(value, float):
        return text_of(value) if math.isfinite(value) else "null"
    if isinstance(value, dict):
        return "{" + ",".join(f"{encoded(name)}:{encoded(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encoded, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
