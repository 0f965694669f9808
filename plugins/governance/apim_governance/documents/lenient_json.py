"""JSON as people write it in rulesets: commas before a closing bracket, and none where one is due.

Spectral takes such files. What is mended stays in its place, so lines and columns are those of the file.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["mended"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)


def mended(text: str) -> str:
    """The text with the commas that JSON wants, and without those that it does not."""
    parts: list[str] = []
    copied = 0
    previous: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        if previous is not None:
            if previous[0] == "," and token[0] in "}]":
                parts += [text[copied : previous.start()], " "]
                copied = previous.end()
            elif _ends_value(previous[0]) and _begins_value(token[0]):
                blank = token.start() - 1 if token.start() > previous.end() else token.start()
                parts += [text[copied:blank], ","]
                copied = token.start()
        previous = token
    return "".join([*parts, text[copied:]])


def _ends_value(token: str) -> bool:
    return token not in ("{", "[", ",", ":")


def _begins_value(token: str) -> bool:
    return token not in ("}", "]", ",", ":")
