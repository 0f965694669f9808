"""OpenAPI definitions of any size, with what real ones have: references, texts, examples, and a few mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["definition", "write"]

_TEXT = "Money that a customer owes for an order, in the currency of the shop; it is captured when the order is sent. "
_OPERATIONS = ("get", "post", "delete")


def definition(resources: int) -> dict[str, Any]:
    """OpenAPI 3.1 of that many resources: 3 operations and 2 schemas each. Every tenth lacks what rules ask for."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orders", "version": "1.0.0", "description": _TEXT, "contact": {"email": "api@example.com"}},
        "servers": [{"url": "https://api.example.com"}],
        "tags": [{"name": "orders", "description": "Orders"}],
        "paths": {f"/orders-{number}/{{id}}": _path(number) for number in range(resources)},
        "components": {"schemas": dict(_schemas(resources))},
    }


def write(path: Path, size: int, as_yaml: bool = False) -> None:
    """Write a definition of about ``size`` bytes."""
    one, eleven = (len(_text(definition(resources), as_yaml)) for resources in (10, 110))
    path.write_text(_text(definition(max(round((size - one) * 100 / (eleven - one)) + 10, 1)), as_yaml))


def _text(value: Any, as_yaml: bool) -> str:
    return "".join(_lines(value, 0)) if as_yaml else json.dumps(value, indent=2)


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Block YAML, whose scalars are JSON's; faster to write than with a library, and as people write it."""
    indent = "  " * depth
    for key, inner in value.items() if isinstance(value, dict) else ((None, each) for each in value):
        start = f"{indent}-" if key is None else f"{indent}{_scalar(key)}:"
        if isinstance(inner, dict | list) and inner:
            yield f"{start}\n"
            yield from _lines(inner, depth + 1)
        else:
            yield f"{start} {_scalar(inner)}\n"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and value.replace(" ", "").replace("-", "").isalpha()
    return str(value) if plain else json.dumps(value)


def _path(number: int) -> dict[str, Any]:
    identifier = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The number of the order",
        "schema": {"type": "string", "format": "uuid"},
    }
    operations = {name: _operation(name, number) for name in _OPERATIONS}
    return {"parameters": [identifier], **operations}


def _operation(name: str, number: int) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/Order{number}"}
    content = {"application/json": {"schema": reference, "examples": {"usual": {"value": _order(number)}}}}
    operation: dict[str, Any] = {
        "operationId": f"{name}Order{number}",
        "summary": f"{name} an order",
        "tags": ["orders"],
        "responses": {"200": {"description": "The order", "content": content}, "404": {"description": "None"}},
    }
    if number % 10:
        operation["description"] = _TEXT
    if name == "post":
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return operation


def _order(number: int) -> dict[str, Any]:
    return {"id": number, "state": "open", "total": 12.5, "items": [{"name": "book", "count": 1}]}


def _schemas(resources: int) -> Iterator[tuple[str, Any]]:
    for number in range(resources):
        yield (
            f"Order{number}",
            {
                "type": "object",
                "description": _TEXT,
                "required": ["id", "state"],
                "properties": {
                    "id": {"type": "integer", "format": "int64"},
                    "state": {"type": "string", "enum": ["open", "paid", "sent"]},
                    "total": {"type": "number", "description": "The total", "examples": [12.5]},
                    "items": {"type": "array", "items": {"$ref": f"#/components/schemas/Item{number}"}},
                    "before": {"$ref": f"#/components/schemas/Order{number // 10 * 10}"},
                },
            },
        )
        name = {"type": "string", "minLength": 1, "maxLength": 40}
        yield f"Item{number}", {"type": "object", "properties": {"name": name, "count": {"type": "integer"}}}
