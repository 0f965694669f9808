"""Messages of rules: texts with places that are filled in for each finding.

{{property}}  {{error}}  {{path}}  {{value}}  {{description}}
#{{print("property")}}  #{{print("value")}}     as functions write them
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath

__all__ = ["Facts", "filled", "pointer_text", "printed"]

_PLACE: Final = re.compile(r"(#?)\{\{([^}]+)\}\}")
_PRINT: Final = re.compile(r"\s*print\(\s*[\"'](property|value)[\"']\s*\)\s*")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$-]*")


@attrs.frozen
class Facts:
    """What a message may say of a finding. ``property`` is the last part of the path, None at the root."""

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
        return printed(facts.value, quoted=False)
    return (facts.description or "") if name == "description" else ""


def _print(what: str, facts: Facts) -> str:
    if what == "property":
        return "The document" if facts.property is None else f'"{facts.property}" property'
    return printed(facts.value)


def printed(value: Any, quoted: bool = True) -> str:
    """A value as messages show it: texts in quotes, of lists and mappings only the kind."""
    if isinstance(value, dict):
        return "Object{}"
    if isinstance(value, list):
        return "Array[]"
    if isinstance(value, str) and not quoted:
        return value
    return json.dumps(value, ensure_ascii=False)


def pointer_text(path: JSONPath) -> str:
    """``#/paths/~1orders/get``."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
