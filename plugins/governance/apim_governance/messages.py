"""Messages of rules: texts with places that are filled in for each finding.

{{property}}  {{error}}  {{path}}  {{value}}  {{description}}
#{{print("property")}}  #{{print("value")}}     as functions write them
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.paths.javascript import text_of

__all__ = ["Facts", "filled", "pointer_text", "printed", "property_text"]

_PLACE: Final = re.compile(r"(#?)\{\{([^}]+)\}\}")
_PRINT: Final = re.compile(r"\s*print\(\s*[\"'](property|value)[\"']\s*\)\s*")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$-]*")


@attrs.frozen
class Facts:
    """What a message may say of a finding; ``property`` is None at the root, else see ``property_text``."""

    property: str | int | None
    error: str
    path: JSONPath
    value: Any
    description: str | None


def filled(text: str, facts: Facts) -> str:
    """A text with its places filled in."""
    if "{{" not in text:
        return text
    return _PLACE.sub(lambda found: _filled(found, facts), text)


def _filled(found: re.Match[str], facts: Facts) -> str:
    if found[1]:
        printing = _PRINT.fullmatch(found[2])
        return found[0] if printing is None else _print(printing[1], facts)
    name = found[2].strip()
    if name == "property":
        return "" if facts.property is None else str(facts.property)
    if name == "error":
        return facts.error
    if name == "path":
        return pointer_text(facts.path)
    if name == "value":
        return text_of(facts.value)
    return (facts.description or "") if name == "description" else ""


def _print(what: str, facts: Facts) -> str:
    if what == "property":
        return "The document" if facts.property is None else f'"{facts.property}" property'
    return printed(facts.value)


def printed(value: Any) -> str:
    """A value as messages show it: texts in quotes, of lists and mappings only the kind."""
    if isinstance(value, dict):
        return "Object{}"
    if isinstance(value, list):
        return "Array[]"
    return json.dumps(value, ensure_ascii=False)


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
    for part in (*place[-1:], *missing):
        if isinstance(part, int) or part.isdigit():
            text += f"[{part}]"
        elif any(letter.isspace() for letter in part):
            text += f"['{part}']"
        else:
            text += f".{part}" if text else part
    return text
