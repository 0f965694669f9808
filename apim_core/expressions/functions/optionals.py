"""Optional values (the optionals extension of cel-go); `or`, `orValue`, `optMap` and `optFlatMap` are macros."""

from typing import Any

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.overloads import function, method
from apim_core.expressions.types import BOOL, DYN, LIST, OPTIONAL
from apim_core.expressions.values import MISSING, NONE, Duration, Optional, Timestamp, native


def is_zero(value: Any) -> bool:
    """Whether it is null, false, 0, an empty string, bytes, list or map, no time, or the epoch."""
    held = native(value)
    if isinstance(held, (Duration, Timestamp)):
        return held.nanoseconds == 0
    return not isinstance(held, Optional) and not held


def _value(optional: Optional) -> Any:
    if optional.value is MISSING:
        raise EvaluationError("optional.none() has no value()")
    return optional.value


def _unwrapped(optionals: Any) -> tuple[Any, ...]:
    if not all(isinstance(each, Optional) for each in optionals):
        raise EvaluationError("no such overload: every element to unwrap must be an optional value")
    return tuple(each.value for each in optionals if each.value is not MISSING)


OPTIONALS = (
    function("optional.none", (), OPTIONAL, lambda: NONE),
    function("optional.of", (DYN,), OPTIONAL, Optional),
    function("optional.ofNonZeroValue", (DYN,), OPTIONAL, lambda value: NONE if is_zero(value) else Optional(value)),
    function("optional.unwrap", (LIST,), LIST, _unwrapped),
    method("unwrapOpt", (LIST,), LIST, _unwrapped),
    method("hasValue", (OPTIONAL,), BOOL, lambda optional: optional.value is not MISSING),
    method("value", (OPTIONAL,), DYN, _value),
)
"""The overloads of the functions for optional values."""
