"""``arazzoDocumentSchema``: the structure of documents of Arazzo 1.0, after the specification."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.json_schema.errors import SchemaFailure
from apim_governance.json_schema.validator import Validator
from apim_governance.shipped.oas.document_schema import told_of_document
from apim_governance.shipped.structures import object_of, schema_of

__all__ = ["DocumentSchema"]

_STRUCTURE: Final = {
    "document": "arazzo!:version info!:info sourceDescriptions!:[source]+ workflows!:[workflow]+ components:components",
    "info": "title!:text version!:text summary:text description:text",
    "source": "name!:name url!:location type:arazzo|openapi",
    "workflow": "workflowId!:text summary:text description:text inputs:schema dependsOn:[text] steps!:[step]+ "
    "successActions:[someSuccessAction] failureActions:[someFailureAction] outputs:<text> parameters:[someParameter]",
    "aStep": "stepId!:text description:text operationId:text operationPath:text workflowId:text parameters:[any] "
    "requestBody:requestBody successCriteria:[criterion]+ onSuccess:[someSuccessAction] "
    "onFailure:[someFailureAction] outputs:<text>",
    "requestBody": "contentType:text payload:any replacements:[replacement]",
    "replacement": "target!:text value!:text",
    "aCriterion": "condition!:text context:text",
    "parameter": "name!:text in:path|query|header|cookie|body value!:value",
    "aSuccessAction": "name!:text type!:end|goto workflowId:text stepId:text criteria:[criterion]+",
    "aFailureAction": "name!:text type!:end|goto|retry workflowId:text stepId:text retryAfter:count retryLimit:number "
    "criteria:[criterion]",
    "reusable": "reference!:text value:value",
    "components": "inputs:<schema> parameters:<parameter> successActions:<successAction> "
    "failureActions:<failureAction>",
}
"""Objects as the specification has them: members, and what they are."""

_STEPS: Final = {
    "operationId": "name!:text in!:path|query|header|cookie|body value!:value",
    "operationPath": "name!:text in!:path|query|header|cookie|body value!:value",
    "workflowId": "name!:text value!:value",
}
"""What a step calls, and what its parameters are then."""


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _open(members: str) -> dict[str, Any]:
    """An object that may have other members, too."""
    return {name: value for name, value in object_of(members).items() if name in ("type", "required", "properties")}


def _when(name: str, value: str, then: Any) -> dict[str, Any]:
    return {"if": {"properties": {name: {"const": value}}}, "then": then}


def _action(name: str, leading: str, more: list[Any]) -> dict[str, Any]:
    """An action: what goes on elsewhere says where, at one place only, and nothing else does."""
    elsewhere = {"properties": {"type": {"enum": leading.split("|")}}}
    return {
        **_ref(name),
        "allOf": [_when("type", "goto", {"oneOf": [{"required": [each]} for each in ("workflowId", "stepId")]}), *more],
        "dependentSchemas": {"workflowId": elsewhere, "stepId": elsewhere},
    }


_VERSIONS: Final = {
    "jsonpath": {"const": "draft-goessner-dispatch-jsonpath-00"},
    "xpath": {"enum": ["xpath-10", "xpath-20", "xpath-30"]},
}
_WHOLE: Final[dict[str, Any]] = {
    "step": {
        **_ref("aStep"),
        "oneOf": [{"required": [name]} for name in _STEPS],
        "allOf": [
            {
                "if": {"required": [name]},
                "then": {
                    "properties": {
                        "parameters": {"items": {"oneOf": [_open(members), _open("reference!:text value:value")]}}
                    }
                },
            }
            for name, members in _STEPS.items()
        ],
    },
    "criterion": {
        **_ref("aCriterion"),
        "anyOf": [_open("type:simple|regex|jsonpath|xpath"), _ref("expressionType")],
        "dependentRequired": {"type": ["context"]},
    },
    "successAction": _action("aSuccessAction", "goto", []),
    "failureAction": _action("aFailureAction", "goto|retry", [_when("type", "retry", {"required": ["retryAfter"]})]),
}
"""Objects whose members depend on each other."""
_MORE: Final[dict[str, Any]] = {
    "version": {"type": "string", "pattern": r"^1\.0\.\d+(-.+)?$"},
    "name": {"type": "string", "pattern": r"^[A-Za-z0-9_\-]+$"},
    "location": {"type": "string", "format": "uri-reference"},
    "schema": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    "value": {"type": ["string", "boolean", "object", "array", "number", "null"]},
    "count": {"type": "number", "minimum": 0},
    "number": {"type": "integer", "minimum": 0},
    "expressionType": {
        **_open("type!:jsonpath|xpath version!:text"),
        "allOf": [
            {
                "if": {"required": ["type"], "properties": {"type": {"const": kind}}},
                "then": {"properties": {"version": version}},
            }
            for kind, version in _VERSIONS.items()
        ],
    },
    "someParameter": {"oneOf": [_ref("parameter"), _ref("reusable")]},
    "someSuccessAction": {"oneOf": [_ref("successAction"), _ref("reusable")]},
    "someFailureAction": {"oneOf": [_ref("failureAction"), _ref("reusable")]},
    **_WHOLE,
}


def _schema() -> Any:
    """The JSON Schema of it. Members that are not named are told of once for an object; no list has a thing twice."""
    schema = _strict(schema_of(_STRUCTURE, "document", _MORE))
    definitions = schema["definitions"]
    for name in _WHOLE:
        del definitions[definitions[name]["$ref"].rpartition("/")[2]]["unevaluatedProperties"]
        definitions[name]["unevaluatedProperties"] = False
    del definitions["reusable"]["patternProperties"]  # a reference has no extensions
    return schema


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _strict(value) for name, value in schema.items()}
    if made.get("additionalProperties") is False:
        del made["additionalProperties"]
        made |= {"unevaluatedProperties": False, "patternProperties": {"^x-": True}}
    if made.get("type") == "array":
        made["uniqueItems"] = True
    if "enum" in made:
        made.pop("type", None)
    return made


@attrs.frozen
class DocumentSchema(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        try:
            errors = _validator().errors(target, all_errors=True)
        except SchemaFailure as failure:
            yield Violation(str(failure), ())
            return
        yield from told_of_document(errors, target)


@cache
def _validator() -> Validator:
    return Validator(_schema(), "draft2020-12")
