"""``schema``: whether a value is valid by a JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.documents.pointers import parts_of
from apim_governance.functions.options import Options
from apim_governance.json_schema.errors import SchemaFailure, UnresolvableReference, ValidationError
from apim_governance.json_schema.validator import Validator, dialect_of
from apim_governance.json_schema.wording import told
from apim_governance.messages import printed
from apim_governance.paths.javascript import UNDEFINED

__all__ = ["Prepare", "Schema", "violations"]

Prepare = Callable[[Sequence[ValidationError]], None]
"""Changes errors before they are told."""

_DIALECTS: Final = ("auto", "draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")
_EXAMPLE: Final = (
    '{ "schema": { /* any JSON Schema can be defined here */ } , { "schema": { "type": "object" }, "dialect": "auto" }'
)


@attrs.frozen
class Schema(RulesetFunction):
    """The target must be valid."""

    schema: dict[str, Any]
    """The JSON Schema."""
    dialect: str = "auto"
    """The draft that it is of: ``auto`` (what ``$schema`` says, else draft 7), ``draft4``, ``draft6``, ``draft7``,
    ``draft2019-09`` or ``draft2020-12``."""
    all_errors: bool = attrs.field(default=False, alias="allErrors")
    """Tell all that is wrong, not only the first of it."""
    validator: Validator = attrs.field(init=False, eq=False, repr=False)
    """The schema, compiled."""

    @validator.default
    def _validator(self) -> Validator:
        draft = (dialect_of(self.schema.get("$schema")) if self.dialect == "auto" else self.dialect) or "draft7"
        return Validator(self.schema, draft)

    @classmethod
    def from_options(cls, written: Any) -> Schema:
        """See ``functions.function``."""
        options = Options("schema", written, ("schema", "dialect", "allErrors"), _EXAMPLE, ("schema",))
        schema = options.get("schema", dict, "accepts only the following types: object")
        known = ", ".join(map(printed, _DIALECTS))
        wanted = f"accepts only the following values: {known}"
        dialect = options.get("dialect", object, wanted, "auto", lambda value: value in _DIALECTS)
        all_errors = options.get("allErrors", bool, "accepts only the following types: boolean", False)
        options.check()
        return cls(schema, dialect, all_errors)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        return violations(lambda: self.validator.errors(target, self.all_errors), target, context, context.path)


def violations(
    find: Callable[[], list[ValidationError]],
    target: Any,
    context: RuleContext,
    path: JSONPath,
    prepare: Prepare | None = None,
    explained: bool = True,
) -> Iterator[Violation]:
    """What is found wrong with a target that stands at a path; ``find`` raises SchemaFailure.

    Items of lists are told as such, and combinations of which no part fits, unless ``explained`` is false.
    References that lead nowhere are told where the document is looked at as it is written; else they have been told.
    """
    if target is UNDEFINED:
        yield Violation('#{{print("property")}}must exist', path)
        return
    try:
        errors = find()
    except SchemaFailure as failure:
        if not (isinstance(failure, UnresolvableReference) and context.follows_references):
            yield Violation(str(failure), path)
        return
    if prepare is not None:
        prepare(errors)
    unmatched = {
        error.path: error.keyword
        for error in errors
        if error.keyword in ("oneOf", "anyOf") and not isinstance(error.params.get("passingSchemas"), list)
    }
    for each in told(errors, target, path):
        message = each.message
        if explained:
            message = _of_combination(_of_item(message, each.path), unmatched.get(each.path))
        yield Violation(message, (*path, *parts_of(each.path)))


def _of_item(message: str, path: str) -> str:
    """Of an item of a list, by its number."""
    index = path.rpartition("/")[2]
    if not _NUMBER.fullmatch(index):
        return message
    for prefix in (f'"{index}" property type', f'"{index}" property'):
        if message.startswith(prefix):
            return f"Item at index {index}{message[len(prefix) :]}"
    return message


_NUMBER: Final = re.compile(r"\d+", re.A)


def _of_combination(message: str, keyword: str | None) -> str:
    if keyword is None or not message.endswith(f" in {keyword}"):
        return message
    return f"{message}. None of the schemas matched, see the other errors reported for this value"
