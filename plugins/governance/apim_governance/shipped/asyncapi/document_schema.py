"""``asyncApiDocumentSchema``: the structure of documents of AsyncAPI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options
from apim_governance.functions.schema import violations
from apim_governance.json_schema.errors import ValidationError
from apim_governance.json_schema.validator import Validator
from apim_governance.shipped.asyncapi.structure import LATEST, document_schema

__all__ = ["DocumentSchema"]

_REFERENCE: Final = 'Property "$ref" is not expected to be here'


@attrs.frozen
class DocumentSchema(RulesetFunction):
    """Looks at a whole document."""

    resolved: bool
    """Whether references have been followed; if not, only those that may not be where they are are told."""

    @classmethod
    def from_options(cls, written: Any) -> DocumentSchema:
        """See ``functions.function``."""
        options = Options("asyncApiDocumentSchema", written, ("resolved",), '{ "resolved": true }')
        resolved = options.get("resolved", bool, "accepts only the following types: boolean", True)
        options.check()
        return cls(resolved)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        version = _version(context.formats)
        if version is None:
            return

        def find() -> list[ValidationError]:
            errors = _validator(version, self.resolved).errors(target, all_errors=True)
            return _thinned_out(errors) if self.resolved else errors

        for found in violations(find, target, context, context.path):
            if self.resolved and found.message != _REFERENCE:
                yield found
            elif not self.resolved and found.message == _REFERENCE:
                yield Violation("Referencing in this place is not allowed", found.path)


@cache
def _validator(version: tuple[int, int], resolved: bool) -> Validator:
    return Validator(document_schema(version, resolved), "draft7")


def _version(formats: frozenset[str]) -> tuple[int, int] | None:
    """That of a document; of one of 3 that is later than all that are known, a version behind the last, of one of 2
    none."""
    known = [name.removeprefix("aas").split(".") for name in formats if name.startswith("aas") and "." in name]
    if known:
        major, minor = min(known)
        return int(major), int(minor)
    return (LATEST[0], LATEST[1] + 1) if "aas3" in formats else None


def _thinned_out(errors: Sequence[ValidationError]) -> list[ValidationError]:
    """One error a place: what is wrong with a thing, rather than that it is no reference either."""
    left: list[ValidationError] = []
    for error in errors:
        if error.keyword == "additionalProperties":
            error.path = f"{error.path}/{error.params['additionalProperty']}"
        if error.keyword != "required" or error.params["missingProperty"] != "$ref":
            left.append(error)
    index = 0
    while index < len(left):
        if index + 1 < len(left) and left[index + 1].path == left[index].path:
            del left[index + 1]
        elif index and left[index].keyword == "oneOf" and left[index - 1].path.startswith(left[index].path):
            del left[index]
        else:
            index += 1
    return left
