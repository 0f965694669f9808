"""``oasExample``: examples and defaults are valid by the schemas that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.functions.function import InvalidOption, InvalidOptions
from apim_governance.functions.options import Options
from apim_governance.functions.schema import violations
from apim_governance.json_schema.compiler import asks
from apim_governance.json_schema.errors import SchemaFailure, ValidationError
from apim_governance.json_schema.validator import SharedSchemas
from apim_governance.paths.javascript import UNDEFINED
from apim_governance.shipped.oas.schema import dialect_for, name_null

__all__ = ["Example"]

_NAME: Final = "oasExample"
_SAMPLE: Final = '{ "oasVersion": 3, "schemaField": "schema", "type": "media" }'
_FIELDS: Final = {2: ("example", "x-example", "default"), 3: ("example", "default")}


class _Schemas:
    """The schemas of the document that is looked at; those of the one before are let go."""

    def __init__(self) -> None:
        self._document: Any = None
        self._shared: SharedSchemas | None = None
        self._without_required: dict[int, tuple[Any, dict[str, Any]]] = {}

    def of(self, context: RuleContext) -> SharedSchemas:
        if self._shared is None or self._document is not context.resolved:
            dialect = dialect_for(context)
            tracked = dialect in ("draft2019-09", "draft2020-12") and asks(context.document)
            self._shared = SharedSchemas(dialect, "x-nullable" if "oas2" in context.formats else None, tracked)
            self._document = context.resolved
            self._without_required = {}
        return self._shared

    def without_required(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A parameter of OpenAPI 2.0 as a schema: that it is required is no part of it."""
        known = self._without_required.get(id(schema))
        if known is None:
            copy = {name: value for name, value in schema.items() if name != "required"}
            known = self._without_required[id(schema)] = schema, copy
        return known[1]


@attrs.frozen
class Example(RulesetFunction):
    """Looks at a schema with ``example`` and ``default`` in it, or at something with examples and a schema for them.

    Members that are read only need not be in an example of a request, nor those that are write only in one of a
    response.
    """

    oas_version: int = attrs.field(alias="oasVersion")
    """2 or 3."""
    schema_field: str = attrs.field(alias="schemaField")
    """Where the schema is: the name of a member, or ``$`` for the target itself."""
    type: str
    """``schema``, or ``media`` for examples beside a schema."""
    _schemas: _Schemas = attrs.field(init=False, factory=_Schemas, eq=False, repr=False)

    @classmethod
    def from_options(cls, written: Any) -> Example:
        """See ``functions.function``."""
        options = Options(_NAME, written, ("oasVersion", "schemaField", "type"), _SAMPLE)
        version = options.get("oasVersion", int, "accepts only the following values: 2, 3")
        field = options.get("schemaField", str, "accepts only the following types: string")
        kind = options.get("type", str, 'accepts only the following values: "media", "schema"')
        options.check()
        if version not in (2, 3) or field is None or kind not in ("media", "schema"):
            raise InvalidOptions(InvalidOption(f'"{_NAME}" function needs options such as {_SAMPLE}'))
        return cls(version, field, kind)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        schema = target if self.schema_field == "$" else target.get(self.schema_field)
        if not isinstance(schema, dict):
            return
        shared = self._schemas.of(context)
        if "oas2" in context.formats and isinstance(schema.get("required"), bool):
            schema = self._schemas.without_required(schema)
        not_required = self._not_required(context.path)
        refused = False
        for path, value in list(self._examples(target)):

            def find(value: Any = value, schema: Any = schema) -> list[ValidationError]:
                nonlocal refused
                if not refused:  # what is no schema by its metaschema is said once, then it is used as it is
                    try:
                        shared.judge(schema)
                    except SchemaFailure:
                        refused = True
                        raise
                return shared.errors(value, schema, not_required)

            yield from violations(find, value, context, (*context.path, *path), name_null)

    def _examples(self, target: dict[str, Any]) -> Iterator[tuple[JSONPath, Any]]:
        if self.type == "schema":
            yield from (((field,), target[field]) for field in _FIELDS[self.oas_version] if field in target)
            return
        if self.oas_version == 3 and "example" in target:
            yield ("example",), target["example"]
            return
        examples = target.get("examples")
        if isinstance(examples, list):
            examples = {str(index): example for index, example in enumerate(examples)}
        for name, example in examples.items() if isinstance(examples, dict) else ():
            if self.oas_version == 2:
                yield ("examples", name), example
            elif isinstance(example, dict | list) and "externalValue" not in example:
                value = example.get("value", UNDEFINED) if isinstance(example, dict) else UNDEFINED
                yield ("examples", name, "value"), value

    def _not_required(self, path: JSONPath) -> frozenset[str]:
        if self.type != "media":
            return frozenset()
        version3 = self.oas_version == 3
        names = set()
        if version3 and (_is_under(path, "components", "requestBodies") or _is_under(path, "paths", *_OF_REQUEST)):
            names.add("readOnly")
        shared = ("components", "responses") if version3 else ("responses",)
        if _is_under(path, *shared) or _is_under(path, "paths", *_OF_RESPONSE):
            names.add("writeOnly")
        return frozenset(names)


_OF_REQUEST: Final = (None, None, "requestBody")
_OF_RESPONSE: Final = (None, None, "responses")


def _is_under(path: JSONPath, *start: str | None) -> bool:
    """Whether a path begins so; None stands for anything."""
    return all(part is None or (index < len(path) and path[index] == part) for index, part in enumerate(start))
