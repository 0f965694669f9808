"""The order of texts that people expect, as the Unicode Collation Algorithm has it for its root (UTS #10, CLDR).

Signs come before digits and these before letters; accents count where letters are the same, and case, small letters
first, where accents are. What is not Latin is ordered by its code points.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

__all__ = ["collated"]

_SIGNS: Final = "\t\n\x0b\x0c\r\x85\u2028\u2029 _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_PLACES: Final = {sign: place for place, sign in enumerate(_SIGNS)}
_LETTERS: Final = {"\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0142": "l", "\u0111": "d"}
"""Letters that stand for others, which Unicode does not decompose."""


def collated(text: str) -> Any:
    """A key for sorting."""
    letters: list[tuple[int, int, str]] = []
    accents: list[str] = []
    cases: list[bool] = []
    for sign in unicodedata.normalize("NFKD", text):
        if unicodedata.combining(sign):
            if accents:
                accents[-1] += sign
            continue
        small = sign.lower()
        for each in _LETTERS.get(small, small):
            letters.append(_place(each))
            accents.append("" if each == small else sign)
            cases.append(sign != small)
    return letters, accents, cases


def _place(sign: str) -> tuple[int, int, str]:
    place = _PLACES.get(sign)
    if place is not None:
        return 0, place, ""
    kind = unicodedata.category(sign)
    if kind == "Cc":
        return -1, 0, ""
    if kind == "Nd":
        return 2, unicodedata.digit(sign), ""
    return (3 if kind[0] == "L" else 1), 0, sign
