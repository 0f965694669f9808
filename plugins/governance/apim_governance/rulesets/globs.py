"""Patterns for files, as overrides of a ruleset name them: ``**/*.yaml``, ``v[12]/{a,b}.json``."""

from __future__ import annotations

import re

__all__ = ["glob_pattern"]


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A pattern that fits whole paths, with ``/`` between their parts.

    ``*`` and ``?`` stay within a part and do not take a leading dot, ``**`` is any number of parts.
    """
    return re.compile(_translated(glob.removeprefix("./")), re.DOTALL)


def _translated(glob: str) -> str:
    out: list[str] = []
    position = 0
    depth = 0
    while position < len(glob):
        character = glob[position]
        start = position == 0 or glob[position - 1] == "/"
        if glob.startswith("**/", position) and start:
            out.append(r"(?:(?!\.)[^/]+/)*")
            position += 3
            continue
        if glob.startswith("**", position) and start and position + 2 == len(glob):
            out.append(r"(?:(?!\.)[^/]+/)*(?!\.)[^/]+")
            position += 2
            continue
        position += 1
        if character == "*":
            out.append((r"(?!\.)" if start else "") + "[^/]*")
            while glob.startswith("*", position):
                position += 1
        elif character == "?":
            out.append("[^/]")
        elif character == "[" and (end := glob.find("]", position + 1)) > 0:
            inner = glob[position:end].replace("\\", r"\\")
            out.append(f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]")
            position = end + 1
        elif character == "{":
            depth += 1
            out.append("(?:")
        elif character == "}" and depth:
            depth -= 1
            out.append(")")
        elif character == "," and depth:
            out.append("|")
        else:
            out.append(re.escape(character))
    return "".join(out) + ")" * depth
