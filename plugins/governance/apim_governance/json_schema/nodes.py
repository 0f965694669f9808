"""A schema while it is compiled: what a keyword sees of the schema that it stands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apim_governance.json_schema.errors import Check, Evaluated, Place, Run, ValidationError, place_of

if TYPE_CHECKING:
    from apim_governance.json_schema.compiler import Compiler

__all__ = ["Fail", "Node"]

Fail = Callable[..., bool]
"""Writes an error down and is False."""


class Node:
    """A schema: ``schema`` itself, the URI of its resource, the path that leads to it, and who compiles it."""

    __slots__ = ("base", "compiler", "in_not", "schema", "where")

    def __init__(self, compiler: Compiler, schema: dict[str, Any], base: str, where: str, in_not: bool) -> None:
        self.compiler = compiler
        self.schema = schema
        self.base = base
        self.where = where
        self.in_not = in_not

    def part(self, *path: str | int) -> Check:
        """The schema that stands under a path of this one."""
        schema: Any = self.schema
        where = self.where
        for name in path:
            schema = schema[name]
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            where = f"{where}/{quote(escaped, safe=_UNQUOTED)}"
        return self.compiler.check(schema, self.base, where, self.in_not or path[0] == "not")

    def branch(self, *path: str | int) -> Check:
        """As ``part``, for a schema whose evaluations count only if it holds."""
        part = self.part(*path)
        return _counting(part) if self.compiler.tracked else part

    def child(self, *path: str | int) -> Check:
        """As ``part``, for a schema of another value than this one's."""
        part = self.part(*path)
        return _apart(part) if self.compiler.tracked else part

    def always_valid(self, schema: Any) -> bool:
        """Whether a schema plainly says nothing."""
        return self.compiler.always_valid(schema)

    def failing(self, keyword: str) -> Fail:
        """What writes down an error of a keyword: its place, its parameters and its message."""
        schema_path = f"{self.where}/{keyword}"
        holder = self.schema

        def fail(run: Run, place: Place, message: str, **params: Any) -> bool:
            if not run.quiet:
                run.errors.append(ValidationError(keyword, place_of(place), schema_path, params, message, holder))
            return False

        return fail


def _counting(part: Check) -> Check:
    def check(data: Any, place: Place, run: Run) -> bool:
        outer, run.evaluated = run.evaluated, Evaluated()
        valid = part(data, place, run)
        if valid:
            outer.add(run.evaluated)
        run.evaluated = outer
        return valid

    return check


def _apart(part: Check) -> Check:
    def check(data: Any, place: Place, run: Run) -> bool:
        outer, run.evaluated = run.evaluated, Evaluated()
        valid = part(data, place, run)
        run.evaluated = outer
        return valid

    return check


_UNQUOTED = "!'()*~-_."
