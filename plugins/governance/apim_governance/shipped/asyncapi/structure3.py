"""The structure of documents of AsyncAPI 3.0 and 3.1."""

from __future__ import annotations

from typing import Any, Final

from apim_governance.shipped.asyncapi.schema_object import schema_object
from apim_governance.shipped.asyncapi.security_schemes import security_schemes
from apim_governance.shipped.asyncapi.structure_parts import COMMON, DEFINITIONS, by_format
from apim_governance.shipped.structures import object_of, schema_of

__all__ = ["document_schema"]

_DOCUMENTED: Final = "tags:[@tag]* externalDocs:@docs"
_PROTOCOLS: Final = (
    *("http", "ws", "amqp", "amqp1", "mqtt", "kafka", "anypointmq", "nats", "jms", "sns", "sqs", "stomp", "redis"),
    *("ibmmq", "solace", "googlepubsub", "pulsar"),
)
_MESSAGE: Final = (
    "contentType:text headers:content {} correlationId:@correlation tags:[@tag]* summary:text name:text title:text "
    "description:text externalDocs:@docs deprecated:flag examples:[example] bindings:@messageBindings"
)
_TABLES: Final = COMMON | {
    "document": "asyncapi!:version id:uri info!:info servers:{@server} defaultContentType:text channels:{@channel} "
    "operations:{@operation} components:components",
    "info": "version!:text title!:text description:text termsOfService:uri contact:contact license:license "
    f"{_DOCUMENTED}",
    "tag": "name!:text description:text externalDocs:@docs",
    "server": "host!:text pathname:text title:text summary:text description:text protocol!:text protocolVersion:text "
    f"variables:{{@variable}} security:[@security] {_DOCUMENTED} bindings:@serverBindings",
    "channel": "address:address_text messages:{@message} parameters:{@parameter} title:text summary:text "
    f"description:text servers:[to_server]* {_DOCUMENTED} bindings:@channelBindings",
    "operation": "action!:send|receive channel!:to_channel messages:[to_message] reply:@reply traits:[@operationTrait] "
    f"title:text summary:text description:text security:[@security] {_DOCUMENTED} bindings:@operationBindings",
    "operationTrait": f"title:text summary:text description:text security:[@security] {_DOCUMENTED} "
    "bindings:@operationBindings",
    "reply": "address:@address channel:to_channel messages:[to_message]",
    "address": "location!:location description:text",
    "message": f"{_MESSAGE.format('payload:content')} traits:[messageTraits]",
    "messageTrait": _MESSAGE.format(""),
    "components": "schemas:<content> servers:<@server> channels:<@channel> serverVariables:<@variable> "
    "operations:<@operation> messages:<@message> securitySchemes:<@security> parameters:<@parameter> "
    "correlationIds:<@correlation> operationTraits:<@operationTrait> messageTraits:<@messageTrait> replies:<@reply> "
    "replyAddresses:<@address> serverBindings:<@serverBindings> channelBindings:<@channelBindings> "
    "operationBindings:<@operationBindings> messageBindings:<@messageBindings> tags:<@tag> externalDocs:<@docs>",
    **{f"{kind}Bindings": " ".join(f"{name}:any" for name in _PROTOCOLS) for kind in ("server", "channel")},
    **{f"{kind}Bindings": " ".join(f"{name}:any" for name in _PROTOCOLS[:-1]) for kind in ("operation", "message")},
}
_REFERENCE: Final = {"$ref": "#/definitions/reference"}
_LATER: Final = r"^3\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$"


def document_schema(minor: int, resolved: bool, exact: bool) -> dict[str, Any]:
    """The schema of documents of version 3.``minor``; unless ``exact``, also of later ones."""
    example = object_of("name:text summary:text headers:object payload:payload")
    del example["patternProperties"]
    example["anyOf"] = [{"required": ["payload"]}, {"required": ["headers"]}]
    parameter = object_of("description:text enum:[text] default:text examples:[text] location:location")
    del parameter["type"]
    trait = {"oneOf": [_REFERENCE, {"$ref": "#/definitions/messageTrait"}]}
    versions = [*(f"2.{number}" for number in range(7)), *(f"3.{number}" for number in range(minor + 1))]
    itself = {"$ref": "#/definitions/schema"}
    more: dict[str, Any] = {
        "version": {"type": "string", **({"const": f"3.{minor}.0"} if exact else {"pattern": _LATER})},
        "address_text": {"type": ["string", "null"]},
        "payload": {"type": ["number", "string", "boolean", "object", "array", "null"]} if minor < 1 else {},
        "example": example,
        "parameter": parameter,
        "messageTraits": {
            "oneOf": [*trait["oneOf"], {"type": "array", "items": [trait, {"type": "object", "additionalItems": True}]}]
        },
        "schema": schema_object({"oneOf": [_REFERENCE, {"$ref": "#/definitions/docs"}]}),
        "content": {"if": {"required": ["schema"]}, "then": {"$ref": "#/definitions/formatted"}, "else": itself},
        "formatted": {
            "type": "object",
            "patternProperties": {"^x-": True},
            "if": {"not": {"type": "object"}},
            "then": itself,
            "else": {"properties": {"schemaFormat": {"type": "string"}}, "allOf": by_format("schema", versions)},
        },
    }
    for name in ("server", "channel", "message"):
        more[f"to_{name}"] = {"$ref": f"#/definitions/{name if resolved else 'reference'}"}
    definitions = DEFINITIONS | more | security_schemes("availableScopes", sasl=True, named_scopes="scopes:[text]")
    return schema_of(_TABLES, "document", definitions)
