"""What Spectral changes in the published JSON Schemas of OpenAPI documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "CHANGES20",
    "CHANGES30",
    "DIALECT31",
    "DRAFT4_CHANGES",
    "HAS_CONTENT",
    "Changes",
    "changes31",
    "reference_or",
    "schema_or_boolean",
]

DIALECT31: Final = "https://spec.openapis.org/oas/3.1/dialect/base"
"""What Schema Objects of OpenAPI 3.1 are held against."""
_NAMED: Final = "#/definitions/{}".format

Changes = dict[str, Any]
"""A merge patch (RFC 7396): None takes a member away."""


def reference_or(reference: Any, other: Any) -> Changes:
    """A reference where there is one, something else where not."""
    return {"if": {"type": "object", "required": ["$ref"]}, "then": reference, "else": other}


def _by(member: str, schemas: Mapping[str, Any], otherwise: Changes) -> Changes:
    """A schema for each value of a member, and one for all other values."""
    made = otherwise
    for value, schema in reversed(list(schemas.items())):
        condition = {"type": "object", "properties": {member: {"const": value}}, "required": [member]}
        made = {"if": condition, "then": schema, "else": made}
    return made


def schema_or_boolean(schema: Any, message: str) -> Changes:
    """A schema for mappings, and true or false; ``message`` tells of anything else."""
    neither = {"not": True, "errorMessage": message}
    return {
        "if": {"type": "object"},
        "then": schema,
        "else": {"if": {"type": "boolean"}, "then": True, "else": neither},
    }


_UNTYPED: Final[Changes] = {"type": None}


def _constant(value: str) -> Changes:
    return {"const": value, "type": None, "enum": None}


def _untyped(*names: str) -> Changes:
    return {"properties": dict.fromkeys(names, _UNTYPED)}


DRAFT4_CHANGES: Final[Changes] = {
    "properties": {"multipleOf": {"type": "number", "minimum": None, "exclusiveMinimum": 0}}
}
"""To the metaschema of draft 4, as those of 2020-12 are read."""
CHANGES20: Final[Changes] = {
    "$id": "http://swagger.io/v2/schema.json",
    "id": None,
    "definitions": {
        "schema": {
            "properties": {
                "additionalProperties": {
                    "anyOf": None,
                    **schema_or_boolean(
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
"""To the schema of version 2.0."""

_WITHOUT: Final = [
    {"not": {"required": [name]}} for name in ("style", "explode", "allowReserved", "example", "examples")
]
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
CHANGES30: Final[Changes] = {
    "$id": "https://spec.openapis.org/oas/3.0/schema/2021-09-28",
    "id": None,
    "definitions": {
        "Schema": {
            "properties": {
                "multipleOf": {"minimum": None, "exclusiveMinimum": 0},
                "type": _UNTYPED,
                "additionalProperties": {
                    "oneOf": None,
                    **reference_or(
                        {"$ref": _NAMED("Reference")},
                        schema_or_boolean(
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
                "headers": {"additionalProperties": {"if": None, "then": None, "else": None, "$ref": _NAMED("Header")}},
                "style": _UNTYPED,
            },
            "patternProperties": None,
        },
    },
}
"""To the schema of version 3.0."""

_EMPTY: Final = 'The document must have either "paths", "webhooks" or "components"'
HAS_CONTENT: Final[Changes] = {
    "errorMessage": {"anyOf": _EMPTY},
    "anyOf": [{"required": [name], "errorMessage": _EMPTY} for name in ("paths", "components", "webhooks")],
}
"""To those of 3.1 and 3.2: a document must have something in it."""
_RELATIVE: Final[Changes] = {"format": "uri-reference"}


def changes31(schema: Any) -> Changes:
    """To the schema of version 3.1, which is given."""
    urls = ("authorizationUrl", "tokenUrl", "refreshUrl")
    flows = {
        name: {"properties": {member: _RELATIVE for member in urls if member in flow["properties"]}}
        for name, flow in schema["$defs"]["oauth-flows"]["$defs"].items()
    }
    styles = {"styles-for-path": {"then": {"properties": {"name": {"pattern": None}}}}}
    return {
        **HAS_CONTENT,
        "$defs": {
            "server": {"properties": {"url": {"format": None}}},
            "paths": {"patternProperties": {"^/": {"$ref": "#/$defs/path-item"}}},
            "parameter": {"dependentSchemas": {"schema": {"$defs": styles}}},
            "example": {"properties": {"externalValue": _RELATIVE}},
            "reference": {"unevaluatedProperties": None},
            "schema": {"$ref": DIALECT31, "$dynamicAnchor": None, "type": None},
            "security-scheme": {"$defs": {"type-oidc": {"then": {"properties": {"openIdConnectUrl": _RELATIVE}}}}},
            "oauth-flows": {"$defs": flows},
        },
    }
