"""Compiles a schema to functions that judge values, one for each schema in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apim_governance.json_schema.checks import (
    all_of,
    called,
    entering,
    evaluating,
    fails,
    for_type,
    holds,
    of_types,
    remembering,
    wrong_type,
)
from apim_governance.json_schema.dialects import Dialect, Keyword
from apim_governance.json_schema.errors import Check, Place, Run, SchemaFailure
from apim_governance.json_schema.nodes import Node
from apim_governance.json_schema.references import Resources
from apim_governance.json_schema.values import TYPES, encoded, shown
from apim_governance.paths.javascript import truthy

__all__ = ["Compiler", "asks"]


class Compiler:
    """Compiles one schema, with those that it refers to in ``others``.

    Members that say one of ``not_required``, such as ``readOnly``, need not be there; besides ``nullable``, a word of
    ``nullable_by`` lets a value be null. What schemas share is compiled once. Where keywords ask what others looked at,
    evaluations are ``tracked``. A ``metaschema`` checks no formats, and skips what it has held for in a run before.
    """

    def __init__(
        self,
        schema: Any,
        dialect: Dialect,
        others: Mapping[str, Any],
        not_required: frozenset[str] = frozenset(),
        nullable_by: str | None = None,
        tracked: bool | None = None,
        metaschema: bool = False,
    ) -> None:
        self.dialect = dialect
        self.resources = Resources(schema, dialect.identifier, others)
        if tracked is None:
            tracked = dialect.counts_contained and (asks(schema) or any(map(asks, _foreign(others))))
        self.tracked = tracked
        self.checks_formats = not metaschema
        self._not_required = not_required
        self._nullable_by = nullable_by
        self._remembering = schema if metaschema else None
        self._schemas: list[Any] = [schema]  # what is known by its id must not go
        self._checks: dict[tuple[int, str, bool], Check | None] = {}
        self._failures: dict[tuple[int, str, bool], SchemaFailure] = {}
        self._referred: dict[tuple[str, str, bool], Check] = {}
        self.root = self.check(schema, self.resources.base, "#", False)

    def check(self, schema: Any, base: str, where: str, in_not: bool) -> Check:
        """What judges by a schema of a resource, which stands at a path. Raises SchemaFailure."""
        if schema is True:
            return holds
        if schema is False:
            return fails(Node(self, {}, base, where, in_not))
        if not isinstance(schema, dict):
            raise SchemaFailure("schema must be object or boolean")
        in_not = in_not and bool(self._not_required)
        key = (id(schema), base, in_not)
        known = self._checks.get(key)
        if known is None:
            if key in self._checks:  # it is being compiled: it holds itself
                return self._later(key)
            if key in self._failures:
                raise self._failures[key]
            known = self._compiled_anew(schema, base, where, in_not, key)
        return known

    def _compiled_anew(
        self, schema: dict[str, Any], base: str, where: str, in_not: bool, key: tuple[int, str, bool]
    ) -> Check:
        self._checks[key] = None
        self._schemas.append(schema)
        own_base = self.resources.base_of(schema, base)
        try:
            check = self._checks[key] = self._compiled(Node(self, schema, own_base, where, in_not))
        except SchemaFailure as failure:
            self._failures[key] = failure
            del self._checks[key]
            raise
        except RecursionError:
            del self._checks[key]
            raise
        return check

    def _later(self, key: tuple[int, str, bool]) -> Check:
        def check(data: Any, place: Place, run: Run) -> bool:
            known = self._checks[key]
            assert known is not None
            return known(data, place, run)

        return check

    def referred(self, base: str, reference: str, in_not: bool) -> Check:
        """What judges by the schema that a reference leads to. Raises UnresolvableReference."""
        key = (base, reference, in_not)
        known = self._referred.get(key)
        if known is None:
            target = self.resources.target(base, reference)
            apart = _refers(target.schema)  # as Ajv compiles it: by itself, so that its errors begin there
            known = self.check(target.schema, target.base, "#" if apart else f"#{target.pointer}", in_not)
            if target.base != base:
                known = entering(target.base, known)
            if apart:
                known = called(known)
            self._referred[key] = known
        return known

    def always_valid(self, schema: Any) -> bool:
        """Whether a schema says nothing that could fail."""
        if isinstance(schema, dict):
            return self.dialect.keywords.isdisjoint(schema) and self._nullable_by not in schema
        return schema is True

    def required(self, node: Node) -> list[str]:
        """The names that must be there."""
        names: list[str] = node.schema["required"]
        properties = node.schema.get("properties")
        if not self._not_required or node.in_not or not isinstance(properties, dict):
            return names
        return [name for name in names if not self._spared(properties.get(name))]

    def _spared(self, schema: Any) -> bool:
        return isinstance(schema, dict) and any(schema.get(word) is True for word in self._not_required)

    def _compiled(self, node: Node) -> Check:
        schema = node.schema
        types = self._types(schema)
        by_group = len(types) == 1 and self._has_keywords_for(schema, types[0])
        steps: list[Check] = []  # the first is that of keywords for any type
        for kind, keywords in self.dialect.groups:
            present = [keyword for keyword in keywords if keyword[0] in schema]
            if not present and steps:
                continue
            checks = [check for keyword in present if (check := _compiled(node, keyword)) is not None]
            if kind is None:
                steps.append(all_of(checks))
            elif by_group and kind == types[0]:
                steps.append(for_type(kind, checks, wrong_type(node, types)))
            elif checks:
                steps.append(for_type(kind, checks, None))
        if types and not by_group:
            steps[0] = of_types(node, types, steps[0])
        check = all_of([step for step in steps if step is not holds])
        if self.tracked:
            check = evaluating(check)
        if node.base != self.resources.base and isinstance(schema.get(self.dialect.identifier), str):
            check = entering(node.base, check)
        return remembering(check) if schema is self._remembering else check

    def _types(self, schema: dict[str, Any]) -> list[str]:
        """The types that a schema allows; ``nullable`` of OpenAPI adds one."""
        written = schema.get("type")
        types: list[Any] = list(written) if isinstance(written, list) else [written] if truthy(written) else []
        if any(not isinstance(kind, str) or kind not in TYPES for kind in types):
            raise SchemaFailure(f"type must be JSONType or JSONType[]: {shown(types)}")
        said = schema.get("nullable")
        nullable = said is True or (self._nullable_by is not None and schema.get(self._nullable_by) is True)
        if "null" in types:
            if said is False and not nullable:
                raise SchemaFailure("type: null contradicts nullable: false")
        elif not types and (said is not None or nullable):
            raise SchemaFailure('"nullable" cannot be used without "type"')
        elif nullable:
            types.append("null")
        return types

    def _has_keywords_for(self, schema: dict[str, Any], wanted: str) -> bool:
        return any(kind == wanted and any(name in schema for name, _, _ in each) for kind, each in self.dialect.groups)


def _compiled(node: Node, keyword: Keyword) -> Check | None:
    name, compile_keyword, types = keyword
    value = node.schema[name]
    if types and not any(TYPES[kind](value) for kind in types):
        raise SchemaFailure(f"{name} value must be {encoded(list(types))}")
    return compile_keyword(node, name)


def _foreign(others: Mapping[str, Any]) -> list[Any]:
    return [schema for uri, schema in others.items() if "json-schema.org/" not in uri]


def asks(schema: Any) -> bool:
    """Whether it has keywords that ask what others looked at."""
    return _has(schema, ("unevaluatedProperties", "unevaluatedItems"))


def _refers(schema: Any) -> bool:
    """Whether it refers to something, or is made to be referred to from afar."""
    return _has(schema, ("$ref", "$recursiveRef", "$recursiveAnchor", "$dynamicRef", "$dynamicAnchor"))


def _has(schema: Any, names: tuple[str, ...]) -> bool:
    waiting = [schema]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            if any(name in each for name in names):
                return True
            waiting.extend(value for value in each.values() if isinstance(value, dict | list))
        elif isinstance(each, list):
            waiting.extend(value for value in each if isinstance(value, dict | list))
    return False
