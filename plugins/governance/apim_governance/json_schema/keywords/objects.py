"""Keywords for mappings."""

from __future__ import annotations

from collections.abc import Iterable
from operator import ge, le
from typing import Any

from apim_governance.json_schema.errors import Check, Place, Run
from apim_governance.json_schema.keywords.scalars import expression
from apim_governance.json_schema.nodes import Fail, Node
from apim_governance.json_schema.values import members, shown

__all__ = [
    "additional_properties",
    "dependencies",
    "dependent_required",
    "dependent_schemas",
    "pattern_properties",
    "properties",
    "property_count",
    "property_names",
    "required",
    "unevaluated_properties",
]


def property_count(node: Node, keyword: str) -> Check:
    """``maxProperties`` and ``minProperties``."""
    bound = node.schema[keyword]
    fail = node.failing(keyword)
    holds, word = (le, "more") if keyword == "maxProperties" else (ge, "fewer")
    message = f"must NOT have {word} than {shown(bound)} properties"

    def check(data: Any, place: Place, run: Run) -> bool:
        return holds(len(data), bound) or fail(run, place, message, limit=bound)

    return check


def required(node: Node, keyword: str) -> Check | None:
    """``required``."""
    names = node.compiler.required(node)
    if not names:
        return None
    fail = node.failing(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for name in names:
            if name not in data:
                valid = fail(run, place, f"must have required property '{name}'", missingProperty=name)
                if not run.all_errors:
                    break
        return valid

    return check


def property_names(node: Node, keyword: str) -> Check | None:
    """``propertyNames``: a schema for the names."""
    if node.always_valid(node.schema[keyword]):
        return None
    fail = node.failing(keyword)
    part = node.child(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        composite, run.composite = run.composite, True
        for name in members(data):
            if not part(name, place, run):
                valid = fail(run, place, "property name must be valid", propertyName=name)
                if not run.all_errors:
                    break
        run.composite = composite
        return valid

    return check


def additional_properties(node: Node, keyword: str) -> Check | None:
    """``additionalProperties``: for names that neither ``properties`` nor ``patternProperties`` have."""
    schema = node.schema[keyword]
    tracked = node.compiler.tracked
    if node.always_valid(schema):
        return _all_evaluated if tracked else None
    known = node.schema.get("properties")
    names = frozenset(known) if isinstance(known, dict) else frozenset()
    patterns = node.schema.get("patternProperties")
    tests = [expression(source).test for source in patterns] if isinstance(patterns, dict) else []
    fail = node.failing(keyword)
    part = node.child(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for name in members(data):
            if name in names or any(test(name) for test in tests):
                continue
            if schema is False:
                valid = fail(run, place, "must NOT have additional properties", additionalProperty=name)
            elif not part(data[name], (place, name), run):
                valid = False
            if not valid and not run.all_errors:
                return False
        if tracked:
            run.evaluated.names = True
        return valid

    return check


def _all_evaluated(data: Any, place: Place, run: Run) -> bool:
    run.evaluated.names = True
    return True


def properties(node: Node, keyword: str) -> Check | None:
    """``properties``."""
    written = node.schema[keyword]
    tracked = node.compiler.tracked
    parts = [(name, node.child(keyword, name)) for name in written if not node.always_valid(written[name])]
    if not parts and not tracked:
        return None

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for name, part in parts:
            if name in data and not part(data[name], (place, name), run):
                if not run.all_errors:
                    return False
                valid = False
        if tracked:
            _evaluate(run, (name for name in data if name in written))
        return valid

    return check


def _evaluate(run: Run, names: Iterable[str]) -> None:
    evaluated = run.evaluated
    if not isinstance(evaluated.names, bool):
        evaluated.names.update(names)


def pattern_properties(node: Node, keyword: str) -> Check | None:
    """``patternProperties``."""
    tracked = node.compiler.tracked
    written = node.schema[keyword]
    parts = [
        (expression(source).test, node.child(keyword, source))
        for source in written
        if tracked or not node.always_valid(written[source])
    ]
    if not parts:
        return None

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for test, part in parts:
            for name in members(data):
                if not test(name):
                    continue
                if not part(data[name], (place, name), run):
                    if not run.all_errors:
                        return False
                    valid = False
                if tracked:
                    _evaluate(run, (name,))
        return valid

    return check


def dependencies(node: Node, keyword: str) -> Check:
    """``dependencies``: names that must be there, and schemas that must hold, where a name is there."""
    written = node.schema[keyword]
    return _both(
        _names(node, keyword, [name for name in written if isinstance(written[name], list)]),
        _schemas(node, keyword, [name for name in written if not isinstance(written[name], list)]),
    )


def dependent_required(node: Node, keyword: str) -> Check:
    """``dependentRequired``."""
    return _names(node, keyword, node.schema[keyword])


def dependent_schemas(node: Node, keyword: str) -> Check:
    """``dependentSchemas``."""
    return _schemas(node, keyword, node.schema[keyword])


def _both(first: Check, second: Check) -> Check:
    def check(data: Any, place: Place, run: Run) -> bool:
        valid = first(data, place, run)
        return (valid or run.all_errors) and second(data, place, run) and valid

    return check


def _names(node: Node, keyword: str, names: Iterable[str]) -> Check:
    written = node.schema[keyword]
    wanted = [(name, written[name]) for name in names]
    fail = node.failing(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for name, needed in wanted:
            if name in data and not _has(data, name, needed, place, run, fail):
                valid = False
                if not run.all_errors:
                    break
        return valid

    return check


def _has(data: Any, name: str, needed: list[str], place: Place, run: Run, fail: Fail) -> bool:
    valid = True
    listed = ", ".join(needed)
    word = "property" if len(needed) == 1 else "properties"
    for each in needed:
        if each not in data:
            message = f"must have {word} {listed} when property {name} is present"
            valid = fail(run, place, message, property=name, missingProperty=each, depsCount=len(needed), deps=listed)
            if not run.all_errors:
                break
    return valid


def _schemas(node: Node, keyword: str, names: Iterable[str]) -> Check:
    parts = [(name, node.branch(keyword, name)) for name in names]

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for name, part in parts:
            if name in data and not part(data, place, run):
                valid = False
                if not run.all_errors:
                    break
        return valid

    return check


def unevaluated_properties(node: Node, keyword: str) -> Check | None:
    """``unevaluatedProperties``: for names that no other keyword has looked at."""
    schema = node.schema[keyword]
    fail = node.failing(keyword)
    part = node.child(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        evaluated = run.evaluated
        seen = evaluated.names
        if isinstance(seen, bool):
            return True
        valid = True
        for name in [name for name in members(data) if name not in seen]:
            if schema is False:
                message = "must NOT have unevaluated properties"
                valid = fail(run, place, message, unevaluatedProperty=name)
            elif not part(data[name], (place, name), run):
                valid = False
            if not valid and not run.all_errors:
                break
        evaluated.names = True
        return valid

    return check
