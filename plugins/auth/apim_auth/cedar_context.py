"""The context that policies in Cedar get to see: of all that is known of a call, what they mention."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import cedarpy
from apim_sdk import Exchange

from apim_auth.authorization_request import PARTS, headers_of

__all__ = ["cedar_text", "context_of"]

Path = tuple[str, ...]
Part = Callable[[Exchange], Any]

_LONGS: Final = range(-(2**63), 2**63)
"""The numbers that Cedar has."""


def context_of(policies: str, headers: Sequence[str]) -> Callable[[Exchange], dict[str, Any]]:
    """What makes the context of an exchange for these policies, in Cedar.

    Only what they mention is put into it: most of what a call costs is to hand the context over. Raises ValueError if
    they are no policies.
    """
    paths: set[Path] = set()
    _collect(json.loads(cedarpy.policies_to_json_str(policies)), paths)
    parts: dict[str, Part] = {**PARTS, "headers": lambda exchange: headers_of(exchange, headers)}
    chosen = tuple((name, part, _members(name, paths)) for name, part in parts.items() if _mentioned(name, paths))

    def context(exchange: Exchange) -> dict[str, Any]:
        found = {name: _cut(part(exchange), members) for name, part, members in chosen}
        return {name: _value(value) for name, value in found.items() if value is not None}

    return context


def cedar_text(text: str) -> str:
    """Text without what is no character: half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _collect(node: Any, paths: set[Path]) -> None:
    """What policies, in Cedar's JSON, mention of the context: ``("claims", "tenant")``; ``()`` is all of it."""
    path = _path(node)
    if path is not None:
        paths.add(path)
    elif isinstance(node, dict):
        for inner in node.values():
            _collect(inner, paths)
    elif isinstance(node, list):
        for inner in node:
            _collect(inner, paths)


def _path(node: Any) -> Path | None:
    """The path of an expression that reads an attribute of the context, or asks for it; None for any other."""
    if node == {"Var": "context"}:
        return ()
    if not isinstance(node, dict) or len(node) != 1:
        return None
    ((operator, operands),) = node.items()
    if operator not in (".", "has") or not isinstance(operands, dict):
        return None
    inner, attribute = _path(operands.get("left")), operands.get("attr")
    return None if inner is None or not isinstance(attribute, str) else (*inner, attribute)


def _mentioned(name: str, paths: set[Path]) -> bool:
    return () in paths or any(path[0] == name for path in paths)


def _members(name: str, paths: set[Path]) -> frozenset[str] | None:
    """The members of a part that are mentioned; None if it is needed as a whole."""
    if () in paths or (name,) in paths:
        return None
    return frozenset(path[1] for path in paths if path[0] == name)


def _cut(value: Any, members: frozenset[str] | None) -> Any:
    if members is None or not isinstance(value, Mapping):
        return value
    return {name: value[name] for name in members if name in value}


def _value(value: Any) -> Any:
    """A JSON value as Cedar has values. Names that begin with two underscores would be read as something else."""
    if isinstance(value, Mapping):
        return {
            cedar_text(name): _value(inner)
            for name, inner in value.items()
            if inner is not None and not name.startswith("__")
        }
    if isinstance(value, list | tuple):
        return [_value(inner) for inner in value if inner is not None]
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and int(value) in _LONGS else str(value)
    if isinstance(value, int):
        return value if value in _LONGS else str(value)
    return cedar_text(str(value))
