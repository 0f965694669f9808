"""``oasSchema``: JSON Schema as documents of OpenAPI mean it, in which ``nullable`` adds ``null`` to the types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.schema import violations
from apim_governance.json_schema.errors import ValidationError
from apim_governance.json_schema.validator import Validator, dialect_of

__all__ = ["OpenAPISchema", "dialect_for", "name_null"]


@attrs.frozen
class OpenAPISchema(RulesetFunction):
    """The target must be valid by ``schema``, in the draft that the document's version of OpenAPI uses."""

    schema: dict[str, Any]
    """The JSON Schema."""
    _validators: dict[str, Validator] = attrs.field(init=False, factory=dict, eq=False, repr=False)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        dialect = dialect_for(context)
        validator = self._validators.get(dialect)
        if validator is None:
            validator = self._validators[dialect] = Validator(self.schema, dialect)
        return violations(lambda: validator.errors(target), target, context, context.path, name_null)


def dialect_for(context: RuleContext) -> str:
    """The draft of JSON Schema of a document: 4 up to OpenAPI 3.0, then what it says or 2020-12."""
    formats = context.formats
    if "oas3.1" in formats or "oas3.2" in formats:
        said = context.document.get("jsonSchemaDialect") if isinstance(context.document, dict) else None
        return dialect_of(said) or "draft2020-12"
    return "draft4"


def name_null(errors: Sequence[ValidationError]) -> None:
    """Say of types that null would do as well."""
    for error in errors:
        if error.keyword == "type" and (error.holder.get("nullable") is True or error.holder.get("x-nullable") is True):
            error.message += ",null"
