"""The structure of documents of AsyncAPI 2.0 to 2.6.

A member behind whose type stands ``;4`` came with 2.4, one with ``;<5`` went with 2.5.
"""

from __future__ import annotations

from typing import Any, Final

from apim_governance.shipped.asyncapi.schema_object import SCHEMA_OBJECT
from apim_governance.shipped.asyncapi.security_schemes import security_schemes
from apim_governance.shipped.asyncapi.structure_parts import COMMON, DEFINITIONS, by_format
from apim_governance.shipped.structures import object_of, schema_of

__all__ = ["document_schema"]

_MESSAGE: Final = (
    "schemaFormat:text contentType:text headers:headers messageId:text;4 payload:any correlationId:@correlation "
    "tags:[tag]* summary:text name:text title:text description:text externalDocs:docs deprecated:flag "
    "examples:[example] bindings:object traits:[@messageTrait]"
)
_TABLES: Final = COMMON | {
    "document": "asyncapi!:version id:uri info!:info servers:{server};<3 servers:{@server};3 defaultContentType:text "
    "channels!:channels components:components tags:[tag]* externalDocs:docs",
    "info": "version!:text title!:text description:text termsOfService:uri contact:contact license:license",
    "server": "url!:text description:text protocol!:text protocolVersion:text variables:{variable};<5 "
    "variables:{@variable};5 security:[requirement] bindings:object tags:[tag]*;5",
    "channel": "$ref:reference_text parameters:{@parameter} description:text servers:[text]*;2 publish:operation "
    "subscribe:operation deprecated:flag bindings:object",
    "operation": "traits:[@operationTrait] summary:text description:text security:[requirement];4 tags:[tag]* "
    "externalDocs:docs operationId:text bindings:object message:message",
    "operationTrait": "summary:text description:text tags:[tag]* externalDocs:docs operationId:text "
    "security:[requirement];4 bindings:object",
    "tag": "name!:text description:text externalDocs:docs",
    "messageTrait": "schemaFormat:text contentType:text headers:headers messageId:text;4 correlationId:@correlation "
    "tags:[tag]* summary:text name:text title:text description:text externalDocs:docs deprecated:flag "
    "examples:[object];<1 examples:[example];=1 examples:[object];2 examples:[example];6 bindings:object",
    "components": "schemas:{schema} servers:{@server};3 channels:channels;3 serverVariables:{variable};4 "
    "serverVariables:{@variable};5 messages:{message} securitySchemes:<@security> parameters:{@parameter} "
    "correlationIds:<@correlation> operationTraits:{operationTrait} messageTraits:{messageTrait} "
    "serverBindings:{object} channelBindings:{object} operationBindings:{object} messageBindings:{object}",
}


def document_schema(minor: int) -> dict[str, Any]:
    """The schema of documents of version 2.``minor``."""
    tables = {name: _of_version(members, minor) for name, members in _TABLES.items()}
    example = object_of(
        "headers:object payload:any" if minor < 1 else "name:text summary:text headers:object payload:any"
    )
    del example["patternProperties"]
    if minor > 0:
        example["anyOf"] = [{"required": ["payload"]}, {"required": ["headers"]}]
    parameter = object_of(_of_version("description:text schema:schema location:location $ref:reference_text;<5", minor))
    del parameter["type"]
    several = object_of("oneOf!:[message]")
    del several["patternProperties"]
    versions = [f"2.{number}" for number in range(minor + 1)]
    one = {**object_of(_of_version(_MESSAGE, minor)), "allOf": by_format("payload", versions)}
    more: dict[str, Any] = {
        "version": {"type": "string", "enum": [f"2.{minor}.0"]},
        "reference_text": {"type": "string", "format": "uri-reference"},
        "schema": SCHEMA_OBJECT,
        "headers": {"allOf": [{"$ref": "#/definitions/schema"}, {"properties": {"type": {"const": "object"}}}]},
        "channels": {
            "type": "object",
            "propertyNames": {"type": "string", "format": "uri-template", "minLength": 1},
            "additionalProperties": {"$ref": "#/definitions/channel"},
        },
        "requirement": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        },
        "parameter": parameter,
        "example": example,
        "message": {"oneOf": [{"$ref": "#/definitions/reference"}, {"oneOf": [several, one]}]},
    }
    return schema_of(tables, "document", DEFINITIONS | more | security_schemes("scopes", sasl=minor > 0))


def _of_version(members: str, minor: int) -> str:
    """The members of a table that a version has; of one that is there twice, the last counts."""
    kept: dict[str, str] = {}
    for member in members.split():
        written, _, when = member.partition(";")
        if when.startswith("<"):
            holds = minor < int(when[1:])
        else:
            holds = not when or (minor == int(when[1:]) if when.startswith("=") else minor >= int(when))
        if holds:
            kept[written.partition(":")[0]] = written
    return " ".join(kept.values())
