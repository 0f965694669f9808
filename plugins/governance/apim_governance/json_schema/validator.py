"""Validators: a schema, seen to be one by its metaschema, and compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from apim_governance.json_schema.compiler import Compiler
from apim_governance.json_schema.dialects import DIALECTS, Dialect, metaschemas
from apim_governance.json_schema.errors import Run, SchemaFailure, ValidationError

__all__ = ["Validator", "dialect_of"]

_DRAFT: Final = re.compile(r"https?://json-schema.org/(?:draft-0([467])|draft/(2019-09|2020-12))/(?:hyper-)?schema#?")
_TOO_DEEP: Final = "Maximum call stack size exceeded"


def dialect_of(uri: Any) -> str | None:
    """The draft that a ``$schema`` names: ``draft4``, ``draft2020-12`` ..."""
    found = _DRAFT.fullmatch(uri) if isinstance(uri, str) else None
    return None if found is None else f"draft{found[1] or found[2]}"


class Validator:
    """Validates values by one schema of a draft. ``others`` are schemas, by their URIs, that it may refer to.

    As with the original, a schema that its metaschema refuses is refused the first time only; then it is compiled as
    it is, which may fail in another way, or not. One thread at a time may use it.
    """

    def __init__(
        self,
        schema: Any,
        dialect: str = "draft7",
        others: Mapping[str, Any] | None = None,
        not_required: frozenset[str] = frozenset(),
        metaschema: bool = True,
    ) -> None:
        self._schema = schema
        self._dialect = DIALECTS[dialect]
        self._others = metaschemas() if others is None else {**metaschemas(), **others}
        self._not_required = not_required
        self._unseen = metaschema
        self._compiled: Compiler | None = None
        self._failure: SchemaFailure | None = None

    def errors(self, data: Any, all_errors: bool = False) -> list[ValidationError]:
        """What is wrong with a value. Raises SchemaFailure, also for what is nested too deep, or takes too long."""
        compiler = self._compiler(all_errors)
        run = Run(all_errors, (compiler.resources.base,))
        try:
            compiler.root(data, None, run)
        except RecursionError:
            raise SchemaFailure(_TOO_DEEP) from None
        except TimeoutError:
            raise SchemaFailure("a regular expression of the schema took too long") from None
        return run.errors

    def _compiler(self, all_errors: bool) -> Compiler:
        if self._unseen:
            self._unseen = False
            _judge(self._schema, self._dialect, all_errors)
        if self._failure is not None:
            raise self._failure
        if self._compiled is None:
            try:
                self._compiled = Compiler(self._schema, self._dialect, self._others, self._not_required)
            except RecursionError:
                self._failure = SchemaFailure(_TOO_DEEP)
                raise self._failure from None
            except SchemaFailure as failure:
                self._failure = failure
                raise
        return self._compiled


def _judge(schema: Any, dialect: Dialect, all_errors: bool) -> None:
    """Raise SchemaFailure if a schema is none by its metaschema."""
    if not isinstance(schema, dict):
        return
    uri = schema.get("$schema")
    if uri is not None and not isinstance(uri, str):
        raise SchemaFailure("$schema must be a string")
    name = (uri or dialect.metaschema).removesuffix("#")
    if name not in dialect.known:
        raise SchemaFailure(f'no schema with key or ref "{uri}"')
    if name == "http://json-schema.org/schema":
        name = dialect.metaschema
    errors = _metavalidator(name).errors(schema, all_errors)
    if errors:
        raise SchemaFailure("schema is invalid: " + ", ".join(f"data{each.path} {each.message}" for each in errors))


@cache
def _metavalidator(name: str) -> Validator:
    own = dialect_of(name)
    assert own is not None
    return Validator(metaschemas()[name], own, metaschema=False)
