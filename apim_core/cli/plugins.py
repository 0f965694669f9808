"""``apim plugins``: what is installed; ``apim plugins NAME``: all that can be said of one."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from typing import Any

import yaml
from apim_sdk.plugin import Plugin
from apim_sdk.policy import Policy, flows_of

from apim_core.registry import Available, PluginError, Registry
from apim_core.schema import json_schema

__all__ = ["add"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("plugins", help="list the plugins, or describe one")
    parser.add_argument("name", nargs="?", help="the plugin to describe")
    parser.add_argument("--json", action="store_true", help="write JSON, for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List or describe."""
    registry = Registry()
    if arguments.name is None:
        _list(registry.available(), arguments.json)
        return 0
    try:
        plugin = registry.load(arguments.name)
    except PluginError as error:
        print(f"{error.message}\n  fix: {error.hint}" if error.hint else error.message, file=sys.stderr)
        return 1
    print(json.dumps(_facts(arguments.name, plugin), indent=2) if arguments.json else describe(arguments.name, plugin))
    return 0


def _list(found: tuple[Available, ...], as_json: bool) -> None:
    rows = [
        {
            "kind": each.plugin.kind if each.plugin else "?",
            "name": each.name,
            "status": each.plugin.status.value if each.plugin else "?",
            "distribution": f"{each.distribution} {each.version}",
            "availability": "available" if each.plugin else f"{each.problem}; {each.hint}",
        }
        for each in found
    ]
    rows.sort(key=lambda row: (row["kind"], row["name"]))
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    columns = ("kind", "name", "status", "distribution", "availability")
    widths = {column: max([len(column), *(len(row[column]) for row in rows)]) for column in columns}
    for row in [{column: column.upper() for column in columns}, *rows]:
        print("  ".join(row[column].ljust(widths[column]) for column in columns).rstrip())


def _facts(name: str, plugin: type[Plugin]) -> dict[str, Any]:
    return {
        "name": name,
        "kind": plugin.kind,
        "status": plugin.status.value,
        "posture": plugin.posture.value,
        "flows": list(flows_of(plugin)) if issubclass(plugin, Policy) else [],
        "example": plugin.example,
        "schema": json_schema(plugin),
    }


def describe(name: str, plugin: type[Plugin]) -> str:
    """What a person wants to know of a plugin, as text."""
    lines = [f"{name}: {plugin.kind}, {plugin.status.value}; {plugin.posture.value}", "", inspect.getdoc(plugin) or ""]
    if issubclass(plugin, Policy):
        lines += ["", f"Stands in: {', '.join(flows_of(plugin))}"]
    whole = json_schema(plugin)
    options = whole.get("properties", {})
    if options:
        lines += ["", "Options:"]
        for option, schema in options.items():
            lines.append(f"  {option}: {_type(schema)}{_default(schema, option in whole.get('required', ()))}")
            lines += [f"      {line}" for line in schema.get("description", "").splitlines()]
    example = yaml.safe_dump({name: plugin.example}, default_flow_style=False, sort_keys=False)
    return "\n".join([*lines, "", "Example:", *(f"  {line}" for line in example.splitlines())])


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = schema.get("format") or schema.get("type", "any")
    return f"list of {_type(schema['items'])}" if kind == "array" and "items" in schema else str(kind)


def _default(schema: dict[str, Any], required: bool) -> str:
    if required:
        return ", required"
    default = schema.get("default")
    return "" if default in (None, [], {}) else f", default {json.dumps(default, ensure_ascii=False)}"
