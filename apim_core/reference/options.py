"""Options of a JSON Schema object as a table of a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["option_table", "type_of"]


def option_table(schema: Mapping[str, Any], title: str) -> str:
    """A Markdown table with a row an option: name, type, default, description; required ones
    first. Empty where there are no options."""
    options = schema.get("properties", {})
    if not options:
        return ""
    required = schema.get("required", ())
    ordered = sorted(options, key=lambda name: name not in required)
    rows = [_row(name, options[name], name in required) for name in ordered]
    heading = [f"## {title}\n"] if title else []
    return "\n".join([*heading, "| option | type | default | what it is |", "|---|---|---|---|", *rows, ""])


def _row(name: str, option: Mapping[str, Any], required: bool) -> str:
    description = _line(option.get("description", ""))
    return f"| `{name}` | {type_of(option)} | {_default(option, required)} | {description} |"


def type_of(option: Mapping[str, Any]) -> str:
    """The type of an option in a word or a few."""
    if "anyOf" in option or "oneOf" in option:
        members = option.get("anyOf") or option["oneOf"]
        return " or ".join(dict.fromkeys(type_of(member) for member in members))
    if "enum" in option:
        return " or ".join(f"`{value}`" for value in option["enum"])
    if "const" in option:
        return f"`{option['const']}`"
    if "$ref" in option:
        return str(option["$ref"]).rpartition("/")[2]
    kind = str(option.get("format") or option.get("type", "any"))
    if kind == "array":
        return f"list of {type_of(option.get('items', {}))}"
    if kind == "object" and isinstance(option.get("additionalProperties"), Mapping):
        return f"mapping to {type_of(option['additionalProperties'])}"
    return kind


def _default(option: Mapping[str, Any], required: bool) -> str:
    if required:
        return "required"
    return f"`{json.dumps(option['default'], ensure_ascii=False)}`" if "default" in option else ""


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
