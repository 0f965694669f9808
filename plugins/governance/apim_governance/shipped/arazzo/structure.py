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
from apim_governance.shipped.structures import schema_of

__all__ = ["DocumentSchema"]

_STRUCTURE: Final = {
    "document": "arazzo!:text info!:info sourceDescriptions!:[source]+ workflows!:[workflow]+ components:components",
    "info": "title!:text version!:text summary:text description:text",
    "source": "name!:name url!:text type:arazzo|openapi",
    "workflow": "workflowId!:text summary:text description:text inputs:schema dependsOn:[text] steps!:[step]+ "
    "successActions:[someSuccessAction] failureActions:[someFailureAction] outputs:{text} parameters:[someParameter]",
    "aStep": "stepId!:text description:text operationId:text operationPath:text workflowId:text "
    "parameters:[someParameter] requestBody:requestBody successCriteria:[criterion]+ onSuccess:[someSuccessAction] "
    "onFailure:[someFailureAction] outputs:{text}",
    "requestBody": "contentType:text payload:any replacements:[replacement]",
    "replacement": "target!:text value!:any",
    "criterion": "condition!:text context:text type:criterionType",
    "expressionType": "type!:jsonpath|xpath version!:text",
    "parameter": "name!:text in:path|query|header|cookie|body value!:any",
    "successAction": "name!:text type!:end|goto workflowId:text stepId:text criteria:[criterion]+",
    "failureAction": "name!:text type!:end|goto|retry workflowId:text stepId:text retryAfter:count retryLimit:number "
    "criteria:[criterion]",
    "reusable": "reference!:text value:any",
    "components": "inputs:{schema} parameters:{parameter} successActions:{successAction} "
    "failureActions:{failureAction}",
}


def _some(name: str) -> dict[str, Any]:
    """One of these, or a reference to one among the components."""
    definition = "#/definitions/{}".format
    return {
        "if": {"type": "object", "required": ["reference"]},
        "then": {"$ref": definition("reusable")},
        "else": {"$ref": definition(name)},
    }


_MORE: Final[dict[str, Any]] = {
    "name": {"type": "string", "pattern": r"^[A-Za-z0-9_\-]+$"},
    "schema": {"type": ["object", "boolean"]},
    "count": {"type": "number", "minimum": 0},
    "number": {"type": "integer", "minimum": 0},
    "criterionType": {
        "if": {"type": "object"},
        "then": {"$ref": "#/definitions/expressionType"},
        "else": {"enum": ["simple", "regex", "jsonpath", "xpath"]},
    },
    "step": {
        "allOf": [
            {"$ref": "#/definitions/aStep"},
            {"oneOf": [{"required": [name]} for name in ("operationId", "operationPath", "workflowId")]},
        ]
    },
    "someParameter": _some("parameter"),
    "someSuccessAction": _some("successAction"),
    "someFailureAction": _some("failureAction"),
}


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
    return Validator(schema_of(_STRUCTURE, "document", _MORE), "draft7")
