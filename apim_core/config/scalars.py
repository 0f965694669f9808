"""Plain scalars under the core schema of YAML 1.2.2, section 10.3.2: what is a number, a boolean, nothing, or text.

Only what the table there lists has a type: ``no``, ``on``, ``1:30``, ``1_000``, ``2001-01-01`` are text.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Scalar", "resolve"]

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAXIMUM_DIGITS: Final = 400
_STARTS: Final = frozenset("-+.0123456789")


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar. Raises ValueError for a number of more than 400 digits."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS:
        return text
    if _INTEGER.fullmatch(text):
        if len(text) > _MAXIMUM_DIGITS:
            raise ValueError(f"a number of {len(text)} digits is too long")
        bases = {"0o": 8, "0x": 16}
        return int(text, bases.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
