"""Keywords for values of any type: enumerations, combinations of schemas, references."""

from __future__ import annotations

from typing import Any

from apim_governance.json_schema.errors import Check, Place, Run, SchemaFailure
from apim_governance.json_schema.nodes import Node
from apim_governance.json_schema.values import equal

__all__ = [
    "all_of",
    "any_of",
    "constant",
    "dynamic_reference",
    "enumeration",
    "if_then_else",
    "negation",
    "one_of",
    "recursive_reference",
    "reference",
    "unsupported_id",
]


def constant(node: Node, keyword: str) -> Check:
    """``const``."""
    wanted = node.schema[keyword]
    fail = node.failing(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        return equal(data, wanted) or fail(run, place, "must be equal to constant", allowedValue=wanted)

    return check


def enumeration(node: Node, keyword: str) -> Check:
    """``enum``."""
    values = node.schema[keyword]
    if not values:
        raise SchemaFailure("enum must have non-empty array")
    fail = node.failing(keyword)
    texts = frozenset(value for value in values if isinstance(value, str))
    others = [value for value in values if not isinstance(value, str)]

    def check(data: Any, place: Place, run: Run) -> bool:
        known = data in texts if type(data) is str else any(equal(data, value) for value in others)
        return known or fail(run, place, "must be equal to one of the allowed values", allowedValues=values)

    return check


def negation(node: Node, keyword: str) -> Check:
    """``not``."""
    fail = node.failing(keyword)
    part = node.child(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        return not run.passes(part, data, place) or fail(run, place, "must NOT be valid")

    return check


def all_of(node: Node, keyword: str) -> Check | None:
    """``allOf``."""
    parts = [
        node.part(keyword, index) for index, schema in enumerate(node.schema[keyword]) if not node.always_valid(schema)
    ]
    if not parts:
        return None

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for part in parts:
            if not part(data, place, run):
                if not run.all_errors:
                    return False
                valid = False
        return valid

    return check


def any_of(node: Node, keyword: str) -> Check | None:
    """``anyOf``. Where it is known what was evaluated, all that hold count."""
    tracked = node.compiler.tracked
    schemas = node.schema[keyword]
    if not tracked and any(map(node.always_valid, schemas)):
        return None
    fail = node.failing(keyword)
    parts = [node.branch(keyword, index) for index in range(len(schemas))]

    def check(data: Any, place: Place, run: Run) -> bool:
        start = len(run.errors)
        composite, run.composite = run.composite, True
        valid = False
        for part in parts:
            if part(data, place, run):
                valid = True
                if not tracked:
                    break
        run.composite = composite
        if valid:
            del run.errors[start:]
            return True
        return fail(run, place, "must match a schema in anyOf")

    return check


def one_of(node: Node, keyword: str) -> Check:
    """``oneOf``. It is known that it does not hold when a second one does."""
    fail = node.failing(keyword)
    parts = [node.branch(keyword, index) for index in range(len(node.schema[keyword]))]

    def check(data: Any, place: Place, run: Run) -> bool:
        start = len(run.errors)
        composite, run.composite = run.composite, True
        passing: Any = None
        valid = False
        for index, part in enumerate(parts):
            if not part(data, place, run):
                continue
            if valid:
                valid, passing = False, [passing, index]
                break
            valid, passing = True, index
        run.composite = composite
        if valid:
            del run.errors[start:]
            return True
        return fail(run, place, "must match exactly one schema in oneOf", passingSchemas=passing)

    return check


def if_then_else(node: Node, keyword: str) -> Check | None:
    """``if``, with ``then`` and ``else``."""
    tracked = node.compiler.tracked

    def branch(name: str) -> Check | None:
        schema = node.schema.get(name)
        return None if schema is None or node.always_valid(schema) else node.branch(name)

    then, otherwise = branch("then"), branch("else")
    if then is None and otherwise is None and not tracked:
        return None
    fail = node.failing(keyword)
    condition = node.branch(keyword)

    def check(data: Any, place: Place, run: Run) -> bool:
        part, name = (then, "then") if run.passes(condition, data, place) else (otherwise, "else")
        if part is None or part(data, place, run):
            return True
        if not (run.all_errors or run.composite):
            return False
        return fail(run, place, f'must match "{name}" schema', failingKeyword=name)

    return check


def reference(node: Node, keyword: str) -> Check:
    """``$ref``."""
    return node.compiler.referred(node.base, node.schema[keyword], node.in_not)


def dynamic_reference(node: Node, keyword: str) -> Check:
    """``$dynamicRef``: to the outermost of the resources on the way here that has the anchor dynamically."""
    written: str = node.schema[keyword]
    compiler = node.compiler
    static = compiler.resources.target(node.base, written)
    direct = compiler.referred(node.base, written, node.in_not)
    anchor = written.partition("#")[2]
    if compiler.resources.dynamic(static.base, anchor) is None:
        return direct

    def check(data: Any, place: Place, run: Run) -> bool:
        for base in run.scope:
            if compiler.resources.dynamic(base, anchor) is not None:
                return compiler.referred(base, f"#{anchor}", False)(data, place, run)
        return direct(data, place, run)

    return check


def recursive_reference(node: Node, keyword: str) -> Check:
    """``$recursiveRef``: to the outermost of the resources on the way here that says ``$recursiveAnchor``."""
    compiler = node.compiler
    base = compiler.resources.target(node.base, node.schema[keyword]).base
    direct = compiler.referred(node.base, node.schema[keyword], node.in_not)
    if compiler.resources.recursive(base) is None:
        return direct

    def check(data: Any, place: Place, run: Run) -> bool:
        for each in run.scope:
            if compiler.resources.recursive(each) is not None:
                return compiler.referred(each, "#", False)(data, place, run)
        return direct(data, place, run)

    return check


def unsupported_id(node: Node, keyword: str) -> None:
    """``id``, which is no keyword after draft 4."""
    raise SchemaFailure('NOT SUPPORTED: keyword "id", use "$id" for schema ID')
