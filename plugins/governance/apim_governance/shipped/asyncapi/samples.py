"""``asyncApiSchemaValidation``: the default or the examples of a schema are valid by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.functions.function import InvalidOption, InvalidOptions
from apim_governance.functions.options import Options
from apim_governance.functions.schema import Schema, violations
from apim_governance.json_schema.errors import SchemaFailure, ValidationError

__all__ = ["Samples"]

_EXAMPLE = '{ "type": "examples" }'


@attrs.frozen
class Samples(RulesetFunction):
    """Looks at a schema. Texts are not judged: they may stand for what they are not yet."""

    type: str
    """``default`` or ``examples``."""

    @classmethod
    def from_options(cls, written: Any) -> Samples:
        """See ``functions.function``."""
        options = Options("asyncApiSchemaValidation", written, ("type",), _EXAMPLE)
        kind = options.get("type", str, 'accepts only the following values: "default", "examples"')
        options.check()
        if kind not in ("default", "examples"):
            raise InvalidOptions(InvalidOption(f'"asyncApiSchemaValidation" function needs options such as {_EXAMPLE}'))
        return cls(kind)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or not isinstance(target.get("examples", []), list):
            yield '#{{print("property")}must be an object containing "default" or an "examples" array'
            return
        validator = Schema(target).validator
        for path, value in self._samples(target):

            def find(value: Any = value) -> list[ValidationError]:
                nonlocal validator
                try:
                    return validator.errors(value, True)
                except SchemaFailure:
                    validator = validator.unjudged()  # that it is no schema is said once
                    raise

            found = list(violations(find, value, context, (*context.path, *path)))
            if not isinstance(value, str):
                yield from found

    def _samples(self, schema: dict[str, Any]) -> Iterator[tuple[JSONPath, Any]]:
        if self.type == "examples":
            yield from ((("examples", index), value) for index, value in enumerate(schema.get("examples", ())))
        elif "default" in schema:
            yield ("default",), schema["default"]
