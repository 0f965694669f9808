"""The structure of documents of AsyncAPI 2 and 3, after the specification, in the notation of ``shipped.structures``.

That of version 2 has what any of 2.0 to 2.6 has. Bindings are not looked into, nor schemas of another format.
"""

from __future__ import annotations

from typing import Any, Final

from apim_governance.shipped.asyncapi.schema_object import SCHEMA_OBJECT
from apim_governance.shipped.structures import schema_of

__all__ = ["document_schema"]

_COMMON: Final = {
    "contact": "name:text url:uri email:email",
    "license": "name!:text url:uri",
    "docs": "description:text url!:uri",
    "variable": "enum:[text] default:text description:text examples:[text]",
    "correlation": "description:text location!:text",
    "example": "name:text summary:text headers:{any} payload:any",
}
_DESCRIBED3: Final = "title:text summary:text description:text tags:[@tag] externalDocs:@docs bindings:any "
_MESSAGE3: Final = (
    f"{_DESCRIBED3} contentType:text headers:content correlationId:@correlation name:text deprecated:flag "
    "examples:[example] "
)
_COMPONENTS3: Final = (
    "schemas:{content} servers:{@server} channels:{@channel} serverVariables:{@variable} operations:{@operation} "
    "messages:{@message} securitySchemes:{@security} parameters:{@parameter} correlationIds:{@correlation} "
    "operationTraits:{@operationTrait} messageTraits:{@messageTrait} replies:{@reply} replyAddresses:{@address} "
    "serverBindings:any channelBindings:any operationBindings:any messageBindings:any tags:{@tag} externalDocs:{@docs}"
)
_VERSION3: Final = _COMMON | {
    "document": "asyncapi!:text id:uri info!:info servers:{@server} defaultContentType:text channels:{@channel} "
    "operations:{@operation} components:components",
    "info": "title!:text version!:text description:text termsOfService:uri contact:contact license:license "
    "tags:[@tag] externalDocs:@docs",
    "tag": "name!:text description:text externalDocs:@docs",
    "server": f"{_DESCRIBED3} host!:text pathname:text protocol!:text protocolVersion:text variables:{{@variable}} "
    "security:[@security]",
    "channel": f"{_DESCRIBED3} address:address_text messages:{{@message}} parameters:{{@parameter}} "
    "servers:[to_server]",
    "parameter": "description:text enum:[text] default:text examples:[text] location:text",
    "operation": f"{_DESCRIBED3} action!:send|receive channel!:to_channel messages:[to_message] reply:@reply "
    "traits:[@operationTrait] security:[@security]",
    "operationTrait": f"{_DESCRIBED3} security:[@security]",
    "reply": "address:@address channel:to_channel messages:[to_message]",
    "address": "location!:text description:text",
    "message": f"{_MESSAGE3} payload:content traits:any",
    "messageTrait": _MESSAGE3,
    "components": _COMPONENTS3,
}
_DESCRIBED2: Final = "summary:text description:text tags:[tag] externalDocs:docs bindings:any "
_MESSAGE2: Final = (
    f"{_DESCRIBED2} messageId:text schemaFormat:text contentType:text headers:any correlationId:@correlation name:text "
    "title:text examples:any deprecated:flag "
)
_COMPONENTS2: Final = (
    "schemas:any servers:{@server} serverVariables:{@variable} channels:{channel} messages:{@message} "
    "securitySchemes:{@security} parameters:{@parameter} correlationIds:{@correlation} "
    "operationTraits:{operationTrait} messageTraits:{messageTrait} serverBindings:any channelBindings:any "
    "operationBindings:any messageBindings:any"
)
_VERSION2: Final = _COMMON | {
    "document": "asyncapi!:text id:uri info!:info servers:{@server} defaultContentType:text channels!:{channel} "
    "components:components tags:[tag] externalDocs:docs",
    "info": "title!:text version!:text description:text termsOfService:uri contact:contact license:license",
    "tag": "name!:text description:text externalDocs:docs",
    "server": "url!:text description:text protocol!:text protocolVersion:text variables:{@variable} "
    "security:[requirement] tags:[tag] bindings:any",
    "channel": "$ref:text description:text servers:[text] parameters:{@parameter} subscribe:operation "
    "publish:operation deprecated:flag bindings:any",
    "parameter": "description:text schema:any location:text $ref:text",
    "operation": f"{_DESCRIBED2} operationId:text security:[requirement] traits:any message:any",
    "operationTrait": f"{_DESCRIBED2} operationId:text security:[requirement]",
    "message": f"{_MESSAGE2} payload:any traits:any oneOf:any",
    "messageTrait": _MESSAGE2,
    "components": _COMPONENTS2,
}
_SECURITY: Final = (
    "userPassword apiKey X509 symmetricEncryption asymmetricEncryption httpApiKey http oauth2 openIdConnect plain "
    "scramSha256 scramSha512 gssapi"
)
_MORE: Final[dict[str, Any]] = {
    "schema": SCHEMA_OBJECT,
    "content": {
        "if": {"required": ["schema"]},
        "then": {"properties": {"schemaFormat": {"type": "string"}}},
        "else": {"$ref": "#/definitions/schema"},
    },
    "security": {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string", "enum": _SECURITY.split()}},
    },
    "requirement": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    "address_text": {"type": ["string", "null"]},
}


def document_schema(version: int, resolved: bool) -> dict[str, Any]:
    """The schema of documents of a major version. In those of 3 some members must be references until resolved."""
    if version == 2:
        return schema_of(_VERSION2, "document", _MORE)
    targets = {
        f"to_{name}": {"$ref": f"#/definitions/{name if resolved else 'reference'}"}
        for name in ("server", "channel", "message")
    }
    return schema_of(_VERSION3, "document", _MORE | targets)
