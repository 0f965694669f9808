"""Modules of ECMAScript (ECMA-262, section 16.2), rewritten as the body of ``function (module, exports, require)``.

Only what stands at the top of a file is looked at, between strings, templates, comments and regular expressions. Lines
stay where they are. A file without ``import`` and ``export`` is taken for one of CommonJS, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["UnreadableModule", "body_of"]


class UnreadableModule(ValueError):
    """A file that cannot be rewritten, with the line."""


_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<word>[A-Za-z_$\u0080-\U0010ffff][\w$]*)
    |(?P<number>\.?\d[\w.]*)
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE: Final = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{)", re.DOTALL)
_REGEXP: Final = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[A-Za-z]*")
_BEFORE_REGEXP: Final = frozenset(
    (
        "return",
        "typeof",
        "case",
        "in",
        "of",
        "do",
        "else",
        "void",
        "delete",
        "throw",
        "new",
        "instanceof",
        "yield",
        "await",
    )
)
"""Words behind which a slash begins a regular expression; behind other words it divides."""
_STATEMENTS: Final = ("import", "export")
_CALLED: Final = re.compile(r"\s*[(.]")
"""What stands behind ``import`` where it is no statement."""
_IMPORT: Final = re.compile(
    r"import\s*(?:(?P<what>[\w$\s,{}*]+?)\s*\bfrom\s*)?(?P<quote>['\"])(?P<module>[^'\"\n]*)(?P=quote)"
)
_CLAUSE: Final = re.compile(r"(?P<default>[\w$]+)?\s*,?\s*(?:\*\s*as\s+(?P<space>[\w$]+)|\{(?P<names>[\w$\s,]*)\})?\s*")
_EXPORT_NAMES: Final = re.compile(r"export\s*\{(?P<names>[\w$\s,]*)\}(?!\s*from\b)")
_EXPORT_FROM: Final = re.compile(r"export\s*(?:\*|\{)")
_EXPORT_DEFAULT: Final = re.compile(
    r"export\s+default\b(?P<named>\s*(?:(?:async\s+)?function\b\s*\*?|class\b)\s*(?!extends\b)(?P<name>[\w$]+))?"
)
_EXPORT: Final = re.compile(r"export\s+(?=(?:async\s+)?function\b|class\b|const\b|let\b|var\b)")


def body_of(source: str) -> str:
    """The body, in strict mode where the file is a module. Raises UnreadableModule."""
    pieces: list[str] = []
    behind: list[str] = []
    done = 0
    for start in _statements(source):
        if start < done:
            continue
        end, text = _rewritten(source, start, behind)
        lines = source.count("\n", start, end) - text.count("\n")
        pieces += [source[done:start], text, "\n" * lines]
        done = end
    if not pieces:
        return source
    return "".join(["'use strict';", *pieces, source[done:], "\n", *behind])


def _rewritten(source: str, start: int, behind: list[str]) -> tuple[int, str]:
    """Where a statement (or the part of it that is another) ends, and what stands in its place."""
    found = _IMPORT.match(source, start)
    if found is not None:
        return found.end(), _required(found, source)
    found = _EXPORT_DEFAULT.match(source, start)
    if found is not None:
        if found["name"] is None:
            return found.end(), "exports.default ="
        behind.append(f"exports.default = {found['name']};")
        return found.end(), found["named"].lstrip()
    found = _EXPORT_NAMES.match(source, start)
    if found is not None:
        for name, alias in _names(found["names"]):
            behind.append(f"exports.{alias} = {name};")
        return found.end(), ""
    found = _EXPORT.match(source, start)
    if found is not None:
        return found.end(), ""
    if _EXPORT_FROM.match(source, start):
        raise _unreadable(source, start, "it exports what another module has")
    raise _unreadable(source, start, "this import or export is not understood")


def _required(found: re.Match[str], source: str) -> str:
    required = f"require({found['quote']}{found['module']}{found['quote']})"
    if found["what"] is None:
        return required
    clause = _CLAUSE.fullmatch(found["what"])
    if clause is None:
        raise _unreadable(source, found.start(), "this import is not understood")
    parts = []
    if clause["space"] is not None:
        parts.append(f"{clause['space']} = {required}")
    names = [f"{name}: {alias}" for name, alias in _names(clause["names"] or "")]
    if clause["default"] is not None:
        names.insert(0, f"default: {clause['default']}")
    if names or not parts:
        parts.append(f"{{ {', '.join(names)} }} = {clause['space'] or required}")
    return f"const {', '.join(parts)}"


def _names(written: str) -> Iterator[tuple[str, str]]:
    """``a, b as c`` as pairs."""
    for each in written.split(","):
        words = each.split()
        if len(words) == 3 and words[1] == "as":
            yield words[0], words[2]
        elif words:
            yield words[0], words[0]


def _unreadable(source: str, place: int, what: str) -> UnreadableModule:
    return UnreadableModule(f"line {source.count(chr(10), 0, place) + 1}: {what}")


def _statements(source: str) -> Iterator[int]:
    """Where ``import`` and ``export`` stand that are in no brackets and no names of members."""
    closing: list[str] = []
    before, place = "", 0
    while place < len(source):
        found = _TOKEN.match(source, place)
        assert found is not None  # any character is a token
        kind, text = found.lastgroup, found[0]
        if kind == "space":
            place = found.end()
            continue
        if text == "/" and (expression := _REGEXP.match(source, place)) and _begins_expression(before):
            place, before = expression.end(), "/x/"
            continue
        place = found.end()
        if text == "`" or (text == "}" and closing and closing[-1] == "`"):
            if text == "}":
                closing.pop()
            part = _TEMPLATE.match(source, place)
            if part is None:
                raise _unreadable(source, found.start(), "a template has no end")
            place = part.end()
            if part[1] == "${":
                closing.append("`")
            before = "${" if part[1] == "${" else "`"
            continue
        if text in "([{":
            closing.append(text)
        elif text in ")]}" and closing:
            closing.pop()
        elif (
            kind == "word"
            and text in _STATEMENTS
            and not closing
            and before != "."
            and not _CALLED.match(source, place)
        ):
            yield found.start()
        before = text


def _begins_expression(before: str) -> bool:
    """Whether an expression begins behind a token, so that a slash is that of a regular expression."""
    if not before:
        return True
    if before in _BEFORE_REGEXP:
        return True
    return not (before[-1].isalnum() or before[-1] in "_$)]}'\"`/" or ord(before[-1]) > 127)
