"""Patterns for files, as overrides of a ruleset name them: ``**/*.yaml``, ``v[12]/{a,b}.json``, ``!(old)/*``.

They mean what they mean to Spectral: a pattern without ``/`` is for names in any folder, ``*`` and ``?`` stay within a
part and do not take a leading dot, ``**`` is any number of parts, and ``!`` in front turns a pattern around.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import attrs

__all__ = ["Glob", "glob", "relative_to"]

_MOST_ALTERNATIVES: Final = 1_000
_LONGEST: Final = 1_000
"""Characters of a pattern; a longer one is a name and nothing more."""
_FOLDERS: Final = r"(?:(?!\.)[^/]+/)*"
_GROUPS: Final = {"?": ")?", "*": ")*", "+": ")+", "@": ")"}
_RANGE: Final = re.compile(r"(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])")


@attrs.frozen
class Glob:
    """A pattern. ``names`` are its alternatives for names in any folder, ``paths`` those for whole paths."""

    names: re.Pattern[str] | None
    paths: re.Pattern[str] | None
    turned: bool

    def covers(self, path: str) -> bool:
        """Whether a path, with ``/`` between its parts, is one of those."""
        name = path.rstrip("/").rpartition("/")[2]
        held = (self.names is not None and self.names.fullmatch(name) is not None) or (
            self.paths is not None and self.paths.fullmatch(path) is not None
        )
        return held is not self.turned


@lru_cache(maxsize=1024)
def glob(text: str) -> Glob:
    """A pattern by its text."""
    if len(text) > _LONGEST:
        return Glob(None, re.compile(re.escape(text)), turned=False)
    plain = text.lstrip("!")
    alternatives = [] if text.startswith("#") else _alternatives(plain)
    names = [_part(each, last=True) for each in alternatives if "/" not in each]
    paths = [_path(each) for each in alternatives if "/" in each]
    return Glob(_any(names), _any(paths), (len(text) - len(plain)) % 2 == 1)


def relative_to(ruleset: str | None, source: str) -> str:
    """A source as patterns see it: from the folder of the ruleset."""
    if ruleset is None or not os.path.isabs(ruleset) or not os.path.isabs(source):
        return source
    return os.path.relpath(source, os.path.dirname(ruleset))


def _any(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{each})" for each in patterns), re.DOTALL) if patterns else None


def _path(text: str) -> str:
    parts = re.split("/+", text)
    out = [_part(part, last=False) for part in parts[:-1]]
    return "".join([*out, _part(parts[-1], last=True)])


def _part(text: str, last: bool) -> str:
    """The expression for one part of a path, with the ``/`` behind it."""
    if text == "**":
        return rf"{_FOLDERS}(?!\.)[^/]+" if last else _FOLDERS
    out = _segment(text)
    guard = "" if text.startswith(".") or out == re.escape(text) else r"(?!\.)(?=.)"
    return guard + out + ("" if last else "/")


def _segment(text: str) -> str:
    out: list[str] = []
    position = 0
    groups: list[str] = []
    while position < len(text):
        character = text[position]
        if character in "?*+@!" and text.startswith("(", position + 1) and ")" in text[position + 2 :]:
            if character == "!":
                end = _closing(text, position + 1)
                inner, rest = _segment(text[position + 2 : end].replace("|", "\0")), _segment(text[end + 1 :])
                unwanted = inner.replace(re.escape("\0"), "|")
                return "".join(out) + f"(?:(?!(?:{unwanted}){rest}(?:/|\\Z))[^/]*?){rest}"
            groups.append(character)
            out.append("(?:")
            position += 2
            continue
        position += 1
        if character == "*":
            out.append("[^/]*?")
            while text.startswith("*", position) and not text.startswith("*(", position):
                position += 1
        elif character == "?":
            out.append("[^/]")
        elif character == "[" and (found := _CLASS.match(text, position)):
            inner = re.sub(r"[\\\[&~|]|-(?=-)", r"\\\g<0>", found[2])
            out.append(f"[{'^' if found[1] else ''}{inner}]" if _compiles(f"[{inner}]") else re.escape("[" + found[0]))
            position = found.end()
        elif character == ")" and groups:
            out.append(_GROUPS[groups.pop()])
        elif character == "|" and groups:
            out.append("|")
        elif character == "\\" and position < len(text):
            out.append(re.escape(text[position]))
            position += 1
        else:
            out.append(re.escape(character))
    return "".join(out) + "".join(_GROUPS[each] for each in reversed(groups))


_CLASS: Final = re.compile(r"([!^]?)(\]?[^\]/]*)\]")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at a place is closed; its first closing one, if none fits."""
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == "(") - (text[position] == ")")
        if not depth:
            return position
    return text.index(")", start)


def _alternatives(text: str) -> list[str]:
    """``a.{json,yaml}`` and ``v{1..3}`` as patterns without braces; as it is, if there would be too many."""
    found: list[str] = []
    for each in _expanded(text):
        if len(found) == _MOST_ALTERNATIVES:
            return [text]
        found.append(each)
    return found


def _expanded(text: str) -> Iterator[str]:
    for start in (index for index, character in enumerate(text) if character == "{"):
        end, parts = _braces(text, start)
        if end is None or (start and text[start - 1] == "$"):
            continue
        for part in parts:
            for inner in _expanded(part):
                yield from _expanded_behind(text[:start] + inner, text[end:])
        return
    yield text


def _expanded_behind(before: str, rest: str) -> Iterator[str]:
    return (before + each for each in _expanded(rest))


def _braces(text: str, start: int) -> tuple[int | None, list[str]]:
    """Where braces that open at a place end, and what they hold; None, if they are no alternatives."""
    depth, begin, parts = 0, start + 1, []
    for position in range(start, len(text)):
        character = text[position]
        if character == "{":
            depth += 1
        elif character == "," and depth == 1:
            parts.append(text[begin:position])
            begin = position + 1
        elif character == "}":
            depth -= 1
            if not depth:
                last = text[begin:position]
                parts = [*parts, last] if parts else _range(last)
                return (position + 1, parts) if parts else (None, [])
    return None, []


def _range(text: str) -> list[str]:
    found = _RANGE.fullmatch(text)
    if found is None or found[1].isalpha() is not found[2].isalpha():
        return []
    letters = found[1].isalpha()
    first, last = (ord(found[1]), ord(found[2])) if letters else (int(found[1]), int(found[2]))
    step = 1 if first <= last else -1
    if abs(last - first) > _MOST_ALTERNATIVES:
        return []
    return [chr(each) if letters else str(each) for each in range(first, last + step, step)]
