"""Functions of a ruleset that are files in JavaScript, as rules call them.

A file has a function as its default export: ``(input, options, context) => [{message, path}]``, perhaps made by
``createRulesetFunction``, which says by JSON Schemas what input and options it takes.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, RuleContext, RulesetFunction, Violation

from apim_governance.documents.pointers import parts_of
from apim_governance.functions.function import InvalidOption, InvalidOptions
from apim_governance.functions.schema import violations
from apim_governance.javascript.engine import LARGEST, Engine, EngineError, available
from apim_governance.json_schema.errors import SchemaFailure, ValidationError
from apim_governance.json_schema.validator import Validator
from apim_governance.paths.javascript import UNDEFINED
from apim_governance.rulesets.reading import Problem, RulesetError

__all__ = ["JavaScript", "JavaScriptFunction", "json_text"]

_INSTALL: Final = "pip install 'apim[governance-javascript]'"
_MOST_VALUES: Final = 1_000_000
_LARGEST_MESSAGE: Final = 32 * 1024 * 1024
_DRAFT: Final = "draft7"


class JavaScript:
    """Loads the functions of one ruleset; all of them run in one process."""

    def __init__(self) -> None:
        self._engine = Engine()

    def load(self, name: str, source: str, text: str, schema: Any = None) -> _Loaded:
        """A function from the text of its file; ``schema`` is of its options, from the ruleset. Raises ValueError."""
        if not available():
            raise ValueError(f"functions in JavaScript need an engine that is not installed: {_INSTALL}")
        if len(text) > LARGEST:
            raise ValueError(f"a function in JavaScript may have at most {LARGEST:,} characters")
        try:
            declared = self._engine.load(source, text)
        except EngineError as error:
            raise ValueError(f"it cannot be loaded: {error}") from None
        declaration = declared if isinstance(declared, Mapping) else {}
        if schema is not None:
            declaration = {**declaration, "options": schema}
        try:
            return _Loaded(
                name,
                source,
                self._engine,
                _validator(declaration.get("input")),
                _validator(declaration.get("options")),
                "options" in declaration and declaration["options"] is None,
                declaration.get("errorOnInvalidInput") is True,
                "document" in text,
            )
        except (SchemaFailure, TypeError) as error:
            raise ValueError(f"the schema of its input or options cannot be used: {error}") from None


def _validator(schema: Any) -> Validator | None:
    return None if schema is None else Validator(schema, _DRAFT)


@attrs.define(eq=False)
class _Loaded:
    """A file that was loaded, and what it declares of itself."""

    name: str
    source: str
    engine: Engine
    input: Validator | None
    options: Validator | None
    takes_no_options: bool
    tells_invalid_input: bool
    sees_documents: bool
    _run: weakref.ref[Any] | None = attrs.field(default=None, init=False, repr=False)

    def is_new(self, run: object) -> bool:
        """Whether it has not been called for a run over a document yet; asked once, then it has."""
        if self._run is not None and self._run() is run:
            return False
        self._run = weakref.ref(run)
        return True

    def from_options(self, written: Any) -> JavaScriptFunction:
        """See ``functions.function``."""
        if self.takes_no_options and written is not None:
            raise InvalidOptions(InvalidOption(f'"{self.name}" function does not accept any options'))
        if self.options is not None:
            try:
                errors = self.options.errors(written, True)
            except SchemaFailure as error:
                raise InvalidOptions(InvalidOption(f'"{self.name}" function: {error}')) from None
            if errors:
                raise InvalidOptions(*(_invalid(self.name, each) for each in errors))
        return JavaScriptFunction(self, written)


def _invalid(name: str, error: ValidationError) -> InvalidOption:
    path = parts_of(error.path)
    if error.keyword == "additionalProperties":
        option = str(error.params.get("additionalProperty", ""))
        return InvalidOption(f'"{name}" function does not support "{option}" option', (*path, option))
    if not path:
        return InvalidOption(f'"{name}" function has invalid options specified: {error.message}')
    return InvalidOption(f'"{name}" function and its "{".".join(path)}" option {error.message}', path)


@attrs.frozen(eq=False)
class JavaScriptFunction(RulesetFunction):
    """A function in JavaScript with its options. What it throws ends the run: a rule that did not run is not passed."""

    loaded: _Loaded
    options: Any = None

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        """Raises RulesetError where the function throws, answers something else, or costs too much."""
        loaded, validator = self.loaded, self.loaded.input
        if validator is not None and (target is UNDEFINED or validator.errors(target)):
            if loaded.tells_invalid_input:
                yield from violations(lambda: validator.errors(target, True), target, context, context.path)
            return
        asked = {
            "absent": target is UNDEFINED,
            "input": None if target is UNDEFINED else target,
            "options": self.options,
            "path": context.path,
            "rule": context.rule,
        }
        if loaded.sees_documents and loaded.is_new(context):
            asked["documents"] = {
                "unresolved": context.document,
                "resolved": context.resolved,
                "formats": sorted(context.formats),
            }
        try:
            told = loaded.engine.call(loaded.source, json_text(asked), context)
            yield from [Violation(message, _path(path)) for message, path in told]
        except (EngineError, ValueError) as error:
            problem = Problem(
                f'Function "{loaded.name}" threw an exception: {error}', (), loaded.source, "function-error"
            )
            raise RulesetError((problem,)) from None


def json_text(value: Any) -> str:
    """A value as JSON; numbers that JSON does not have are null. Raises ValueError where it is too large.

    What stands in several places is written in each of them.
    """
    left, open_ = _MOST_VALUES, [value]
    while open_:
        each = open_.pop()
        left -= 1
        if left < 0:
            raise ValueError(f"what it looks at has more than {_MOST_VALUES:,} values")
        if isinstance(each, dict):
            open_.extend(each.values())
        elif isinstance(each, list | tuple):
            open_.extend(each)
    try:
        text = json.dumps(value)
        if "NaN" in text or "Infinity" in text:
            text = json.dumps(json.loads(text, parse_constant=lambda name: None))
    except RecursionError:
        raise ValueError("what it looks at is nested too deep") from None
    if len(text) > _LARGEST_MESSAGE:
        raise ValueError(f"what it looks at has more than {_LARGEST_MESSAGE:,} characters")
    return text


def _path(written: Any) -> JSONPath | None:
    """The path of a result, None if it has none. Raises ValueError."""
    if written is None:
        return None
    if not isinstance(written, list) or not all(type(each) in (str, int) for each in written):
        raise ValueError("a path must be a list of names and numbers")
    return tuple(written)
