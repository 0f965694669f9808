"""Data of an OpenAPI document -> its dialect and operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from apim_core.config import pointers
from apim_core.definitions.references import UnresolvedReference, resolve
from apim_core.definitions.security import scopes_of

__all__ = ["DefinedOperation", "Definition", "DefinitionProblem", "Dialect", "describe"]


class Dialect(Enum):
    """The specification that a document follows."""

    SWAGGER_2 = "Swagger 2.0"
    OPENAPI_3_0 = "OpenAPI 3.0"
    OPENAPI_3_1 = "OpenAPI 3.1"


@attrs.frozen
class DefinedOperation:
    """One operation: ``method`` in upper case, ``path`` with ``{parameters}``, ``pointer`` to it in the document."""

    method: str
    path: str
    id: str | None
    scopes: tuple[str, ...]
    pointer: str


@attrs.frozen
class DefinitionProblem:
    """What a gateway cannot use in a document; ``pointer`` (RFC 6901) says where."""

    pointer: str
    message: str
    hint: str | None = None


@attrs.frozen
class Definition:
    """What a document says; with ``problems``, as far as it could be read. An unknown ``dialect`` is None."""

    dialect: Dialect | None
    operations: tuple[DefinedOperation, ...]
    problems: tuple[DefinitionProblem, ...] = ()


_DIALECTS: Final = (
    (Dialect.SWAGGER_2, re.compile(r"2(\.0)?")),
    (Dialect.OPENAPI_3_0, re.compile(r"3\.0(\.\d+)?([-+].*)?")),
    (Dialect.OPENAPI_3_1, re.compile(r"3\.1(\.\d+)?([-+].*)?")),
)
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_KNOWN: Final = "OpenAPI 3.0, 3.1 and Swagger 2.0 documents are read"


def describe(document: Any) -> Definition:
    """The definition in plain data. It never raises; what is wrong stands in ``problems``."""
    if not isinstance(document, dict):
        return Definition(None, (), (DefinitionProblem("", "the document is no mapping", _KNOWN),))
    dialect, problem = _dialect(document)
    if dialect is None:
        assert problem is not None
        return Definition(None, (), (problem,))
    reader = _Reader(document, dialect)
    operations = tuple(reader.operations())
    return Definition(dialect, operations, tuple(reader.problems))


def _dialect(document: Mapping[str, Any]) -> tuple[Dialect | None, DefinitionProblem | None]:
    key = "openapi" if "openapi" in document else "swagger"
    if key not in document:
        if "asyncapi" in document:
            return None, DefinitionProblem("/asyncapi", "an AsyncAPI document has no HTTP operations", _KNOWN)
        return None, DefinitionProblem("", "the document names neither 'openapi' nor 'swagger'", _KNOWN)
    version = str(document[key])
    for dialect, pattern in _DIALECTS:
        if pattern.fullmatch(version) and (key == "swagger") == (dialect is Dialect.SWAGGER_2):
            return dialect, None
    return None, DefinitionProblem(f"/{key}", f"{key} {version} is not known", _KNOWN)


class _Reader:
    """Reads the operations of one document; used once."""

    def __init__(self, document: dict[str, Any], dialect: Dialect) -> None:
        self.document = document
        self.methods = _METHODS if dialect is Dialect.SWAGGER_2 else (*_METHODS, "trace")
        self.problems: list[DefinitionProblem] = []

    def operations(self) -> Iterator[DefinedOperation]:
        paths = self._mapping(self.document.get("paths"), "/paths")
        for path, item in paths.items():
            pointer = pointers.child("/paths", path)
            if path.startswith("x-"):
                continue
            if not path.startswith("/"):
                self._note(pointer, f"the path {path!r} does not begin with '/'", f"write /{path}")
                continue
            yield from self._path_item(path, item, pointer)

    def _path_item(self, path: str, item: Any, pointer: str) -> Iterator[DefinedOperation]:
        own = self._mapping(item, pointer)
        yield from self._methods(path, own, pointer)
        reference = own.get("$ref")
        if reference is None:
            return
        try:
            target, place = resolve(self.document, reference)
        except UnresolvedReference as error:
            self._note(pointers.child(pointer, "$ref"), str(error), error.hint)
            return
        shared = {method: value for method, value in self._mapping(target, place).items() if method not in own}
        yield from self._methods(path, shared, place)

    def _methods(self, path: str, item: Mapping[str, Any], pointer: str) -> Iterator[DefinedOperation]:
        for method in self.methods:
            if method not in item:
                continue
            place = pointers.child(pointer, method)
            operation = self._mapping(item[method], place)
            identifier = operation.get("operationId")
            if not isinstance(identifier, (str, type(None))):
                self._note(pointers.child(place, "operationId"), "operationId must be text", "put it in quotes")
                identifier = None
            scopes = scopes_of(self.document, operation)
            yield DefinedOperation(method.upper(), path, identifier or None, scopes, place)

    def _mapping(self, value: Any, pointer: str) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None:
            self._note(pointer, "this must be a mapping")
        return {}

    def _note(self, pointer: str, message: str, hint: str | None = None) -> None:
        self.problems.append(DefinitionProblem(pointer, message, hint))
