"""``oasDocumentSchema``: the structure of documents of OpenAPI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.documents.pointers import NotThere, parts_of, pointed
from apim_governance.json_schema.errors import SchemaFailure, ValidationError
from apim_governance.json_schema.values import encoded
from apim_governance.json_schema.wording import best_match, cleaned
from apim_governance.shipped.oas.document_schemas import validator_for

__all__ = ["DocumentSchema", "told_of_document"]


@attrs.frozen
class DocumentSchema(RulesetFunction):
    """A whole document is valid by the JSON Schema of its version of OpenAPI."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        version = next((each for each in ("3.2", "3.1") if f"oas{each}" in context.formats), "3.0")
        if "oas2" in context.formats:
            version = "2.0"
        try:
            errors = validator_for(version).errors(target, all_errors=True)
        except SchemaFailure as failure:
            yield Violation(str(failure), ())
            return
        yield from told_of_document(errors, target)


def told_of_document(errors: list[ValidationError], document: Any) -> Iterator[Violation]:
    """The words for what is wrong with a document, each at its place."""
    for error in errors:
        if error.keyword == "if":  # what is wrong in its "then" or "else" is told
            continue
        path: JSONPath = parts_of(error.path)
        if error.keyword == "additionalProperties":
            name = error.params["additionalProperty"]
            yield Violation(f'Property "{name}" is not expected to be here', (*path, name))
        else:
            yield Violation(_message(error, path, document), path)


def _message(error: ValidationError, path: JSONPath, document: Any) -> str:
    if error.keyword == "errorMessage":
        return error.message
    message = cleaned(error.message)
    if error.path:
        message = f'"{error.path.rpartition("/")[2]}" property {message}'
    if error.keyword != "enum":
        return message
    allowed = error.params["allowedValues"]
    meant = best_match(_value(document, path), allowed)
    suggestion = "" if meant is None else f'. Did you mean "{meant}"?'
    return f"{message}: {', '.join(map(encoded, allowed))}{suggestion}"


def _value(document: Any, path: JSONPath) -> Any:
    try:
        for part in path:
            document = pointed(document, part)
    except NotThere:
        return None
    return document
