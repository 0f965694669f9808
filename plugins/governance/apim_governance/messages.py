"""Messages of rules: texts with places that are filled in for each finding.

{{property}}  {{error}}  {{path}}  {{value}}  {{description}}
#{{print("property")}}  #{{print("value")}}     as functions write them; "a" + b.toUpperCase() goes there, too
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final
from urllib.parse import quote

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.paths.javascript import number_of, text_of

__all__ = ["Facts", "filled", "pointer_text", "printed", "property_text"]

_PLACE: Final = re.compile(r"(#?)\{\{([^}\n]+)\}\}")
_TERM: Final = re.compile(
    r"""\s*(?:print\(\s*["'](?P<print>\w+)["']\s*\)|toUpperCase\((?P<upper>\w+)\)|(?P<also_upper>\w+)\.toUpperCase\(\)
    |"(?P<text>[^"\\]*)"|'(?P<other_text>[^'\\]*)'|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*))\s*(?:[+,]|$)""",
    re.VERBOSE,
)


@attrs.frozen
class Facts:
    """What a message may say of a finding; ``property`` is None at the root, else see ``property_text``."""

    property: str | int | None
    error: str
    path: JSONPath
    value: Any
    description: str | None


def filled(text: str, facts: Facts) -> str:
    """A text with its places filled in; what they name and is not known is empty."""
    if "{{" not in text:
        return text
    return _PLACE.sub(lambda found: _evaluated(found[2], facts) if found[1] else _named(found[2], facts) or "", text)


def _named(name: str, facts: Facts) -> str | None:
    """What a place of that name shows; None for an unknown one."""
    if name == "property":
        return "" if facts.property is None else str(facts.property)
    if name == "error":
        return facts.error
    if name == "path":
        return pointer_text(facts.path)
    if name == "value":
        return text_of(facts.value)
    return text_of(facts.description) if name == "description" else None


def _evaluated(expression: str, facts: Facts) -> str:
    """Terms in a row: ``print("value")``, names, texts, numbers, ``toUpperCase`` of a name. Empty for what is none."""
    shown: list[str] = []
    expression = expression.strip()
    position = 0
    while position < len(expression):
        found = _TERM.match(expression, position)
        if found is None:
            return ""
        position = found.end()
        term, kind = found[found.lastgroup or ""], found.lastgroup
        if kind in ("text", "other_text", "number"):
            shown.append(term)
            continue
        value = _print(term, facts) if kind == "print" else _named(term, facts)
        if value is None:
            return ""
        shown.append(value.upper() if kind in ("upper", "also_upper") else value)
    return "".join(shown)


def _print(what: str, facts: Facts) -> str:
    if what == "property":
        return "The document " if facts.property in (None, "") else f'"{facts.property}" property '
    return printed(facts.value) if what == "value" else _named(what, facts) or ""


def printed(value: Any) -> str:
    """A value as messages show it: texts in quotes, of lists and mappings only the kind."""
    if isinstance(value, dict):
        return "Object{}"
    if isinstance(value, list):
        return "Array[]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text_of(value)


def pointer_text(path: JSONPath) -> str:
    """``#/paths/~1orders/get``, percent-encoded like a fragment of a URL."""
    parts = (quote(str(part).replace("~", "~0").replace("/", "~1"), safe="~!*'()") for part in path)
    return "#" + "".join(f"/{part}" for part in parts)


def property_text(place: JSONPath, asked: JSONPath) -> str | int | None:
    """What is at the end of a path; if that is not there, from the last thing that is: ``responses[429].content``."""
    missing = asked[len(place) :]
    if not missing:
        return place[-1] if place else None
    text = ""
    for part in (place[-1], *missing) if place else missing[-1:]:
        if isinstance(part, int) or (part.strip() == part and part and not math.isnan(number_of(part))):
            text += f"[{part}]"
        elif not part or any(letter.isspace() for letter in part):
            text += f"['{part}']"
        else:
            text += f".{part}" if text else part
    return text.replace("~1", "/").replace("~0", "~")
