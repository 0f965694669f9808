"""Defaults and bounds of fields, as JSON Schema says them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Final

import attrs
from apim_sdk import Duration, Expression, Regex, Size, Template

from apim_core.config.server import Address

__all__ = ["bounds_of", "plain_default"]

_WRITTEN_AS_TEXT: Final = (
    Duration,
    Size,
    Expression,
    Template,
    Regex,
    Path,
    Address,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
)
_COMPARISONS: Final = {">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}


def plain_default(field: attrs.Attribute[Any]) -> Any:
    """A field's default as it would be written; attrs.NOTHING where there is none to show."""
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time, a function in its stub
        if default.takes_self:
            return attrs.NOTHING
        default = default.factory()
    return _plain(default)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if value is attrs.NOTHING:  # attrs has made it a member of an enum
        return value
    if isinstance(value, _WRITTEN_AS_TEXT):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (tuple, list, set, frozenset)):
        items = [_plain(item) for item in value]
        return attrs.NOTHING if attrs.NOTHING in items else items
    if isinstance(value, Mapping):
        pairs = {str(key): _plain(item) for key, item in value.items()}
        return attrs.NOTHING if attrs.NOTHING in pairs.values() else pairs
    return attrs.NOTHING  # an attrs class shows the defaults of its own fields; a secret shows nothing


def bounds_of(validator: Any) -> dict[str, Any]:
    """What attrs' own validators ask of a value, in the words of JSON Schema; others say nothing here.

    The validators keep what they were given in fields of their own, which attrs has had since 21.3.
    """
    name = type(validator).__name__
    if name == "_NumberValidator":
        return {_COMPARISONS[validator.compare_op]: validator.bound}
    if name == "_OptionalValidator":
        return bounds_of(validator.validator)
    if name == "_AndValidator":
        return {word: bound for each in validator._validators for word, bound in bounds_of(each).items()}
    if name == "_MatchesReValidator":
        return {"pattern": validator.pattern.pattern}
    if name == "_MinLengthValidator":
        return {"minLength": validator.min_length, "minItems": validator.min_length}
    if name == "_MaxLengthValidator":
        return {"maxLength": validator.max_length, "maxItems": validator.max_length}
    return {}
