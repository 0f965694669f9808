"""Validators: a schema, seen to be one by its metaschema, and compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from apim_governance.json_schema.compiler import Compiler
from apim_governance.json_schema.dialects import DIALECTS, Dialect, metaschemas
from apim_governance.json_schema.errors import Check, Run, SchemaFailure, UnresolvableReference, ValidationError

__all__ = ["SharedSchemas", "Validator", "dialect_of"]

_DRAFT: Final = re.compile(r"https?://json-schema.org/(?:draft-0([467])|draft/(2019-09|2020-12))/(?:hyper-)?schema#?")
_DRAFT4_ALIAS: Final = "http://json-schema.org/schema"


def dialect_of(uri: Any) -> str | None:
    """The draft that a ``$schema`` names: ``draft4``, ``draft2020-12`` ..."""
    found = _DRAFT.fullmatch(uri) if isinstance(uri, str) else None
    return None if found is None else f"draft{found[1] or found[2]}"


class Validator:
    """Validates values by one schema of a draft. ``others`` are schemas, by their URIs, that it may refer to.

    It is compiled when it is first used; one thread at a time may do that.
    """

    def __init__(
        self, schema: Any, dialect: str = "draft7", others: Mapping[str, Any] | None = None, metaschema: bool = True
    ) -> None:
        self._schema = schema
        self._dialect = DIALECTS[dialect]
        self._others = metaschemas() if others is None else {**metaschemas(), **others}
        self._metaschema = metaschema
        self._judged: dict[bool, SchemaFailure | None] = {}
        self._compiled: Compiler | SchemaFailure | None = None

    def unjudged(self) -> Validator:
        """One of the same schema, which is used as it is, whatever its metaschema says."""
        made = Validator(self._schema, "draft7", self._others, metaschema=False)
        made._dialect = self._dialect
        return made

    def errors(self, data: Any, all_errors: bool = False) -> list[ValidationError]:
        """What is wrong with a value. Raises SchemaFailure, also for what is nested too deep, or takes too long."""
        compiler = self._compiler(all_errors)
        return _run(compiler, compiler.root, data, all_errors)

    def _compiler(self, all_errors: bool) -> Compiler:
        if self._metaschema and all_errors not in self._judged:
            self._judged[all_errors] = _judgement(self._schema, self._dialect, all_errors)
        refused = self._judged.get(all_errors)
        if refused is not None:
            raise refused
        if self._compiled is None:
            try:
                with _bounded():
                    self._compiled = Compiler(self._schema, self._dialect, self._others)
            except SchemaFailure as failure:
                self._compiled = failure
        if isinstance(self._compiled, SchemaFailure):
            raise self._compiled
        return self._compiled


class SharedSchemas:
    """Validates by schemas that stand in one document, and share their parts; each part is compiled and judged once.

    One thread at a time may use it. The document must not change.
    """

    def __init__(self, dialect: str, nullable_by: str | None, tracked: bool) -> None:
        self._dialect = DIALECTS[dialect]
        self._nullable_by = nullable_by
        self._tracked = tracked
        self._compilers: dict[frozenset[str], Compiler] = {}
        self._known: dict[int, Any] = {}

    def judge(self, schema: Any) -> None:
        """Raise SchemaFailure if a schema is none by its metaschema."""
        failure = _judgement(schema, self._dialect, False, self._known)
        if failure is not None:
            raise failure

    def errors(self, data: Any, schema: Any, not_required: frozenset[str]) -> list[ValidationError]:
        """What is first found wrong with a value. Raises SchemaFailure.

        Members that say one of ``not_required`` need not be there.
        """
        compiler = self._compilers.get(not_required)
        if compiler is None:
            compiler = self._compilers[not_required] = self._compiler({}, {}, not_required)
        try:
            with _bounded():
                check = compiler.check(schema, "", "#", False)
        except UnresolvableReference as failure:
            if not _leads_somewhere(failure.reference, schema):
                raise
            with _bounded():
                compiler = self._compiler(schema, metaschemas(), not_required)
            check = compiler.root
        return _run(compiler, check, data, False)

    def _compiler(self, schema: Any, others: Mapping[str, Any], not_required: frozenset[str]) -> Compiler:
        return Compiler(schema, self._dialect, others, not_required, self._nullable_by, self._tracked)


def _leads_somewhere(reference: str, schema: Any) -> bool:
    """Whether a reference may lead to a place of the schema itself, or to another schema."""
    if not reference.startswith("#/"):
        return True
    first = reference[2:].partition("/")[0].replace("~1", "/").replace("~0", "~")
    return isinstance(schema, dict) and first in schema


def _run(
    compiler: Compiler, check: Check, data: Any, all_errors: bool, known: dict[int, Any] | None = None
) -> list[ValidationError]:
    run = Run(all_errors, (compiler.resources.base,), known)
    with _bounded():
        check(data, None, run)
    return run.errors


@contextmanager
def _bounded() -> Iterator[None]:
    """What is nested too deep, or takes too long, is told as Ajv tells it, or would."""
    try:
        yield
    except RecursionError:
        raise SchemaFailure("Maximum call stack size exceeded") from None
    except TimeoutError:
        raise SchemaFailure("a regular expression of the schema takes too long") from None


def _judgement(
    schema: Any, dialect: Dialect, all_errors: bool, known: dict[int, Any] | None = None
) -> SchemaFailure | None:
    """Why a schema is none by its metaschema. ``known`` are those that are, by their ids."""
    if not isinstance(schema, dict):
        return None
    uri = schema.get("$schema")
    if uri is not None and not isinstance(uri, str):
        return SchemaFailure("$schema must be a string")
    name = (uri or dialect.metaschema).removesuffix("#")
    if name not in dialect.known:
        return SchemaFailure(f'no schema with key or ref "{uri}"')
    compiler = _metaschema(dialect.metaschema if name == _DRAFT4_ALIAS else name)
    try:
        errors = _run(compiler, compiler.root, schema, all_errors, known)
    except SchemaFailure as failure:
        return failure
    if not errors:
        return None
    return SchemaFailure("schema is invalid: " + ", ".join(f"data{each.path} {each.message}" for each in errors))


@cache
def _metaschema(name: str) -> Compiler:
    own = dialect_of(name)
    assert own is not None
    return Compiler(metaschemas()[name], DIALECTS[own], metaschemas(), metaschema=True)
