"""The JSON Schemas of OpenAPI documents: those that are published, with the changes that Spectral makes to them.

Published schemas come with the package openapi-spec-validator. Where they allow one of several things, all complain when
none holds; so there it is looked first which of them is meant, and only that one is held against.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from apim_governance.json_schema.dialects import metaschemas
from apim_governance.json_schema.validator import Validator

__all__ = ["VERSIONS", "validator_for"]

VERSIONS: Final = ("2.0", "3.0", "3.1", "3.2")
_DRAFT4: Final = "http://json-schema.org/draft-04/schema"
_DRAFT2020: Final = "https://json-schema.org/draft/2020-12"
_PATCHED2020: Final = "https://spec.openapis.org/oas/json-schema/2020-12"
_DIALECT31: Final = "https://spec.openapis.org/oas/3.1/dialect/base"
_META31: Final = "https://spec.openapis.org/oas/3.1/meta/base"
_DIALECT32: Final = "https://spec.openapis.org/oas/3.2/dialect/2025-09-17"
_META32: Final = "https://spec.openapis.org/oas/3.2/meta/2025-09-17"
_REFERENCES: Final = ({"$ref": "#/definitions/Reference"}, {"$ref": "#/definitions/jsonReference"})
_NAMED: Final = "#/definitions/{}".format

Changes = dict[str, Any]
"""A merge patch (RFC 7396): None takes a member away."""


@cache
def validator_for(version: str) -> Validator:
    """What validates documents of a version of OpenAPI."""
    schema = _published("openapi_spec_validator", f"resources/schemas/v{version}/schema.json")
    others: dict[str, Any] = {}
    if version == "2.0":
        schema = _patched(_chosen(schema), _CHANGES20)
        others[_DRAFT4] = _patched(metaschemas()[_DRAFT4], _DRAFT4_CHANGES)
    elif version == "3.0":
        schema = _patched(_chosen(schema), _CHANGES30)
    elif version == "3.1":
        schema = _patched(_in_dialect(schema, _DIALECT31), _changes31(schema))
        others = _dialect31()
    else:
        schema = _patched(_in_dialect(schema, _DIALECT32), _HAS_CONTENT)
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
            made |= _reference_or(references[0], others[0])
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


def _reference_or(reference: Any, other: Any) -> Changes:
    return {"if": {"type": "object", "required": ["$ref"]}, "then": reference, "else": other}


def _by(member: str, schemas: Mapping[str, Any], otherwise: Changes) -> Changes:
    """A schema for each value of a member, and one for all other values."""
    made = otherwise
    for value, schema in reversed(schemas.items()):
        condition = {"type": "object", "properties": {member: {"const": value}}, "required": [member]}
        made = {"if": condition, "then": schema, "else": made}
    return made


def _schema_or_boolean(schema: Any, message: str) -> Changes:
    neither = {"not": True, "errorMessage": message}
    return {
        "if": {"type": "object"},
        "then": schema,
        "else": {"if": {"type": "boolean"}, "then": True, "else": neither},
    }


_VALID_SCHEMA: Final = '"{{property}}" property must be a valid Schema Object'
_UNTYPED: Final[Changes] = {"type": None}


def _constant(value: str) -> Changes:
    return {"const": value, "type": None, "enum": None}


def _untyped(*names: str) -> Changes:
    return {"properties": dict.fromkeys(names, _UNTYPED)}


_DRAFT4_CHANGES: Final[Changes] = {
    "properties": {"multipleOf": {"type": "number", "minimum": None, "exclusiveMinimum": 0}}
}
_CHANGES20: Final[Changes] = {
    "$id": "http://swagger.io/v2/schema.json",
    "id": None,
    "definitions": {
        "schema": {
            "properties": {
                "additionalProperties": {
                    "anyOf": None,
                    **_schema_or_boolean(
                        {"$ref": _NAMED("schema")}, '"additionalProperties" property must be a valid schema'
                    ),
                },
                "oneOf": {"type": "array", "minItems": 1, "items": {"$ref": _NAMED("schema")}},
                "anyOf": {"type": "array", "minItems": 1, "items": {"$ref": _NAMED("schema")}},
            }
        },
        "fileSchema": _untyped("type"),
        "primitivesItems": _untyped("type"),
        "securityDefinitions": {
            "errorMessage": {
                "properties": {
                    "basic": "Invalid basic authentication security definition",
                    "apiKey": "Invalid apiKey authentication security definition",
                    "oauth2": "Invalid oauth2 authentication security definition",
                },
                "_": "Invalid security securityDefinitions",
            }
        },
        "basicAuthenticationSecurity": _untyped("type"),
        "apiKeySecurity": _untyped("type", "in"),
        "oauth2ImplicitSecurity": {
            "required": ["type", "flow", "authorizationUrl", "scopes"],
            **_untyped("type", "flow"),
        },
        "oauth2PasswordSecurity": {"required": ["type", "flow", "tokenUrl", "scopes"], **_untyped("type", "flow")},
        "oauth2ApplicationSecurity": {
            "required": ["type", "flow", "tokenUrl", "scopes"],
            "properties": {"type": _constant("oauth2"), "flow": _constant("application")},
        },
        "oauth2AccessCodeSecurity": {
            "required": ["type", "flow", "authorizationUrl", "tokenUrl", "scopes"],
            "properties": {"type": _constant("oauth2"), "flow": _constant("accessCode")},
        },
        "schemesList": {"items": _UNTYPED},
        "collectionFormat": _UNTYPED,
        "collectionFormatWithMulti": _UNTYPED,
        "multipleOf": {"$ref": None, "type": "number", "exclusiveMinimum": 0},
    },
}

_WITHOUT: Final = [{"not": {"required": [name]}} for name in ("style", "explode", "allowReserved", "example", "examples")]
_LOCATIONS: Final[Changes] = {
    "path": {
        "required": ["required"],
        "properties": {"style": {"enum": ["matrix", "label", "simple"]}, "required": {"const": True}},
    },
    "query": {"properties": {"style": {"enum": ["form", "spaceDelimited", "pipeDelimited", "deepObject"]}}},
    "header": {"properties": {"style": {"const": "simple"}}},
    "cookie": {"properties": {"style": {"const": "form"}}},
}
_SECURITY_SCHEMES: Final = {  # those of type http are looked into no further
    "apiKey": {"$ref": _NAMED("APIKeySecurityScheme")},
    "oauth2": {"$ref": _NAMED("OAuth2SecurityScheme")},
    "openIdConnect": {"$ref": _NAMED("OpenIdConnectSecurityScheme")},
}
_CHANGES30: Final[Changes] = {
    "$id": "https://spec.openapis.org/oas/3.0/schema/2021-09-28",
    "id": None,
    "definitions": {
        "Schema": {
            "properties": {
                "multipleOf": {"minimum": None, "exclusiveMinimum": 0},
                "type": _UNTYPED,
                "additionalProperties": {
                    "oneOf": None,
                    **_reference_or(
                        {"$ref": _NAMED("Reference")},
                        _schema_or_boolean(
                            {"$ref": _NAMED("Schema")}, '"additionalProperties" property must be a valid Schema Object'
                        ),
                    ),
                },
            }
        },
        "Header": {"properties": {"style": _constant("simple")}},
        "SchemaXORContent": {
            "oneOf": None,
            "errorMessage": {"not": "Schema and content are mutually exclusive, at least one is required"},
            "if": {"type": "object", "required": ["schema"]},
            "then": True,
            "else": {
                "if": {"type": "object", "required": ["content"]},
                "then": {"allOf": _WITHOUT},
                "else": {"not": True, "errorMessage": {"not": '"schema" or "content" must be present'}},
            },
        },
        "Parameter": {"required": ["name"]},
        "ParameterLocation": {
            "oneOf": None,
            "type": "object",
            **_by(
                "in",
                _LOCATIONS,
                {
                    "type": "object",
                    "properties": {"in": {"enum": list(_LOCATIONS)}},
                    "required": ["in"],
                    "errorMessage": {"required": 'Parameter must have a valid "in" property'},
                },
            ),
        },
        "SecurityScheme": {
            "oneOf": None,
            **_by(
                "type",
                _SECURITY_SCHEMES,
                {
                    "type": "object",
                    "properties": {"type": {"enum": ["apiKey", "http", "oauth2", "openIdConnect"]}},
                    "required": ["type"],
                    "errorMessage": {
                        "required": "Security scheme must have a valid type",
                        "type": "Invalid security scheme",
                    },
                },
            ),
        },
        "APIKeySecurityScheme": {"properties": {"type": _constant("apiKey"), "in": _UNTYPED}},
        "OAuth2SecurityScheme": {"properties": {"type": _constant("oauth2")}},
        "OpenIdConnectSecurityScheme": {"properties": {"type": _constant("openIdConnect")}},
        "Encoding": {
            "properties": {
                "headers": {
                    "additionalProperties": {"if": None, "then": None, "else": None, "$ref": _NAMED("Header")}
                },
                "style": _UNTYPED,
            },
            "patternProperties": None,
        },
    },
}

_EMPTY: Final = 'The document must have either "paths", "webhooks" or "components"'
_HAS_CONTENT: Final[Changes] = {
    "errorMessage": {"anyOf": _EMPTY},
    "anyOf": [{"required": [name], "errorMessage": _EMPTY} for name in ("paths", "components", "webhooks")],
}
_RELATIVE: Final[Changes] = {"format": "uri-reference"}


def _changes31(schema: Any) -> Changes:
    flows = {
        name: {"properties": {member: _RELATIVE for member in ("authorizationUrl", "tokenUrl", "refreshUrl")}}
        for name in schema["$defs"]["oauth-flows"]["$defs"]
    }
    for name, changes in flows.items():
        known = schema["$defs"]["oauth-flows"]["$defs"][name]["properties"]
        changes["properties"] = {member: _RELATIVE for member in changes["properties"] if member in known}
    styles = {"styles-for-path": {"then": {"properties": {"name": {"pattern": None}}}}}
    return {
        **_HAS_CONTENT,
        "$defs": {
            "server": {"properties": {"url": {"format": None}}},
            "paths": {"patternProperties": {"^/": {"$ref": "#/$defs/path-item"}}},
            "parameter": {"dependentSchemas": {"schema": {"$defs": styles}}},
            "example": {"properties": {"externalValue": _RELATIVE}},
            "reference": {"unevaluatedProperties": None},
            "schema": {"$ref": _DIALECT31, "$dynamicAnchor": None, "type": None},
            "security-scheme": {
                "$defs": {"type-oidc": {"then": {"properties": {"openIdConnectUrl": _RELATIVE}}}}
            },
            "oauth-flows": {"$defs": flows},
        },
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
    members = {name: {"$ref": f"{_DRAFT2020}/schema#/properties/{name.replace('$', '%24')}"} for name in schema.pop("properties")}
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
        _DIALECT31: {
            "$id": _DIALECT31,
            **_schema_or_boolean({"allOf": [{"$ref": f"{_PATCHED2020}/schema"}, {"$ref": _META31}]}, _VALID_SCHEMA),
        },
        _META31: {"$id": _META31, "$defs": meta["$defs"], **_schema_or_boolean(base, _VALID_SCHEMA)},
        f"{_PATCHED2020}/schema": {
            **schema,
            "$id": f"{_PATCHED2020}/schema",
            **_schema_or_boolean({"allOf": parts, "properties": members}, _VALID_SCHEMA),
        },
        validation: types,
    }
