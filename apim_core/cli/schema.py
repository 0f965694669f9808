"""``apim schema``: the JSON Schema of a whole configuration, for editors."""

from __future__ import annotations

import argparse
import json
from typing import Any

from apim_core.registry import Registry
from apim_core.schema import configuration_schema

__all__ = ["add"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("schema", help="write the JSON Schema of a configuration, with every plugin installed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the schema to standard output."""
    found = Registry().available()
    plugins = {each.name: (each.plugin.kind, each.plugin) for each in found if each.plugin is not None}
    print(json.dumps(configuration_schema(plugins), indent=2, ensure_ascii=False))
    return 0
