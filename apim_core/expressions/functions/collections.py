"""`size`, `dyn` and `type`: what holds for many types (cel-spec langdef, "Standard Definitions")."""

from typing import Any

from apim_core.expressions.overloads import function, method
from apim_core.expressions.types import BYTES, DYN, INT, LIST, MAP, STRING, TYPE
from apim_core.expressions.values import type_of


def _same(value: Any) -> Any:
    return value


COLLECTIONS = (
    *(make("size", (kind,), INT, len) for kind in (STRING, BYTES, LIST, MAP) for make in (function, method)),
    function("dyn", (DYN,), DYN, _same),
    function("type", (DYN,), TYPE, type_of),
)
"""The overloads of `size`, `dyn` and `type`."""
