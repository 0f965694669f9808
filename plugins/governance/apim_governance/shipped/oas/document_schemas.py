"""The JSON Schemas of OpenAPI documents: those that are published, with the changes that Spectral makes to them.

Published schemas come with the package openapi-spec-validator. Where they allow one of several things, all complain
when none holds; so there it is looked first which of them is meant, and only that one is held against.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from apim_governance.json_schema.dialects import metaschemas
from apim_governance.json_schema.validator import Validator
from apim_governance.shipped.oas.document_changes import (
    CHANGES20,
    CHANGES30,
    DIALECT31,
    DRAFT4_CHANGES,
    HAS_CONTENT,
    Changes,
    changes31,
    reference_or,
    schema_or_boolean,
)

__all__ = ["VERSIONS", "validator_for"]

VERSIONS: Final = ("2.0", "3.0", "3.1", "3.2")
_DRAFT4: Final = "http://json-schema.org/draft-04/schema"
_DRAFT2020: Final = "https://json-schema.org/draft/2020-12"
_PATCHED2020: Final = "https://spec.openapis.org/oas/json-schema/2020-12"
_META31: Final = "https://spec.openapis.org/oas/3.1/meta/base"
_DIALECT32: Final = "https://spec.openapis.org/oas/3.2/dialect/2025-09-17"
_META32: Final = "https://spec.openapis.org/oas/3.2/meta/2025-09-17"
_VALID_SCHEMA: Final = '"{{property}}" property must be a valid Schema Object'
_REFERENCES: Final = ({"$ref": "#/definitions/Reference"}, {"$ref": "#/definitions/jsonReference"})


@cache
def validator_for(version: str) -> Validator:
    """What validates documents of a version of OpenAPI."""
    schema = _published("openapi_spec_validator", f"resources/schemas/v{version}/schema.json")
    others: dict[str, Any] = {}
    if version == "2.0":
        schema = _patched(_chosen(schema), CHANGES20)
        others[_DRAFT4] = _patched(metaschemas()[_DRAFT4], DRAFT4_CHANGES)
    elif version == "3.0":
        schema = _patched(_chosen(schema), CHANGES30)
    elif version == "3.1":
        schema = _patched(_in_dialect(schema, DIALECT31), changes31(schema))
        others = _dialect31()
    else:
        # Else its own "schema", which says little, would be what parts of Schema Objects are held against.
        changes = {**HAS_CONTENT, "$defs": {"schema": {"$dynamicAnchor": None}}}
        schema = _patched(_in_dialect(schema, _DIALECT32), changes)
        others = {
            _DIALECT32: _published("openapi_schema_validator", "schemas/oas3.2/dialect/2025-09-17.json"),
            _META32: _published("openapi_schema_validator", "schemas/oas3.2/meta/2025-09-17.json"),
        }
    return Validator(schema, "draft2020-12", others, metaschema=False)


def _published(package: str, path: str) -> Any:
    """A file of a package, which is not imported for that: it brings much that is not needed here."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is missing: it brings the JSON Schemas of OpenAPI; install apim again")
    return json.loads(Path(spec.submodule_search_locations[0], path).read_text("utf-8"))


def _patched(schema: Any, changes: Changes) -> Any:
    made = dict(schema) if isinstance(schema, dict) else {}
    for name, change in changes.items():
        if change is None:
            made.pop(name, None)
        else:
            made[name] = _patched(made.get(name), change) if isinstance(change, dict) else change
    return made


def _chosen(schema: Any) -> Any:
    """With a choice for each place where a reference may stand instead of something."""
    if isinstance(schema, list):
        return [_chosen(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _chosen(value) for name, value in schema.items()}
    alternatives = made.get("oneOf")
    if isinstance(alternatives, list) and len(alternatives) == 2:
        references = [each for each in alternatives if each in _REFERENCES]
        others = [each for each in alternatives if each not in _REFERENCES]
        if len(references) == 1:
            del made["oneOf"]
            made |= reference_or(references[0], others[0])
    return made


def _in_dialect(schema: Any, dialect: str) -> Any:
    """With Schema Objects held against a dialect."""
    if isinstance(schema, list):
        return [_in_dialect(each, dialect) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        ("$ref" if name == "$dynamicRef" else name): dialect if name == "$dynamicRef" else _in_dialect(value, dialect)
        for name, value in schema.items()
    }


def _dialect31() -> dict[str, Any]:
    """Schema Objects of 3.1: they are told in words of their own when they are none."""
    validation = f"{_PATCHED2020}/meta/validation"
    meta = _published("openapi_schema_validator", "schemas/oas3.1/vocabularies/base")
    schema = dict(metaschemas()[f"{_DRAFT2020}/schema"])
    parts = [
        {"$ref": validation if each["$ref"] == "meta/validation" else f"{_DRAFT2020}/{each['$ref']}"}
        for each in schema.pop("allOf")
    ]
    members = {
        name: {"$ref": f"{_DRAFT2020}/schema#/properties/{name.replace('$', '%24')}"}
        for name in schema.pop("properties")
    }
    del schema["type"]
    types = _patched(metaschemas()[f"{_DRAFT2020}/meta/validation"], {"$id": validation})
    names = {"$ref": "#/$defs/simpleTypes"}
    types["properties"] = types["properties"] | {
        "type": {
            "if": {"type": "string"},
            "then": names,
            "else": {
                "if": {"type": "array"},
                "then": {"type": "array", "items": names, "minItems": 1, "uniqueItems": True},
                "else": {"not": True, "errorMessage": '"type" property must be either a string or an array of strings'},
            },
        }
    }
    base = {name: meta[name] for name in ("type", "properties")} | {"type": "object"}
    return {
        DIALECT31: {
            "$id": DIALECT31,
            **schema_or_boolean({"allOf": [{"$ref": f"{_PATCHED2020}/schema"}, {"$ref": _META31}]}, _VALID_SCHEMA),
        },
        _META31: {"$id": _META31, "$defs": meta["$defs"], **schema_or_boolean(base, _VALID_SCHEMA)},
        f"{_PATCHED2020}/schema": {
            **schema,
            "$id": f"{_PATCHED2020}/schema",
            **schema_or_boolean({"allOf": parts, "properties": members}, _VALID_SCHEMA),
        },
        validation: types,
    }
