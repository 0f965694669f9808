"""Checks that are made of others: for a type, one after the other, in the scope of a resource."""

from __future__ import annotations

from typing import Any

from apim_governance.json_schema.errors import Check, Evaluated, Place, Run
from apim_governance.json_schema.nodes import Node
from apim_governance.json_schema.values import TYPES, shown

__all__ = [
    "all_of",
    "called",
    "entering",
    "evaluating",
    "fails",
    "for_type",
    "holds",
    "of_types",
    "remembering",
    "wrong_type",
]


def wrong_type(node: Node, types: list[str]) -> Check:
    """What says that a value is of another type. That null would do is said where a list of types is written."""
    fail = node.failing("type")
    written = node.schema["type"]
    told = types if isinstance(written, list) else written
    message = f"must be {shown(told)}"

    def check(data: Any, place: Place, run: Run) -> bool:
        return fail(run, place, message, type=told)

    return check


def of_types(node: Node, types: list[str], following: Check) -> Check:
    """Is of one of these types, and what else is to be looked at first.

    Of a value that may be invalid without the whole being so, both are told.
    """
    tests = [TYPES[kind] for kind in types]
    wrong = wrong_type(node, types)

    def check(data: Any, place: Place, run: Run) -> bool:
        for test in tests:
            if test(data):
                return following(data, place, run)
        wrong(data, place, run)
        if (run.composite or run.all_errors) and not run.quiet:
            following(data, place, run)
        return False

    return check


def for_type(kind: str, checks: list[Check], wrong: Check | None) -> Check:
    """Checks for values of one type; ``wrong`` is for all others."""
    test = TYPES[kind]
    inner = all_of(checks)

    def check(data: Any, place: Place, run: Run) -> bool:
        if test(data):
            return inner(data, place, run)
        return wrong is None or wrong(data, place, run)

    return check


def all_of(checks: list[Check]) -> Check:
    """All of these."""
    if not checks:
        return holds
    if len(checks) == 1:
        return checks[0]

    def check(data: Any, place: Place, run: Run) -> bool:
        valid = True
        for each in checks:
            if not each(data, place, run):
                if not run.all_errors:
                    return False
                valid = False
        return valid

    return check


def evaluating(inner: Check) -> Check:
    """With evaluations of its own, which are then those of its holder too."""

    def check(data: Any, place: Place, run: Run) -> bool:
        outer, run.evaluated = run.evaluated, Evaluated()
        valid = inner(data, place, run)
        outer.add(run.evaluated)
        run.evaluated = outer
        return valid

    return check


def called(inner: Check) -> Check:
    """Ajv makes a function of a schema that refers further: it does not know that its caller may do without it."""

    def check(data: Any, place: Place, run: Run) -> bool:
        composite, run.composite = run.composite, False
        valid = inner(data, place, run)
        run.composite = composite
        return valid

    return check


def entering(base: str, inner: Check) -> Check:
    """In the scope of another resource."""

    def check(data: Any, place: Place, run: Run) -> bool:
        scope = run.scope
        run.scope = (*scope, base)
        valid = inner(data, place, run)
        run.scope = scope
        return valid

    return check


def remembering(inner: Check) -> Check:
    """Held for a value once, it holds."""

    def check(data: Any, place: Place, run: Run) -> bool:
        if run.known is None or not isinstance(data, dict):
            return inner(data, place, run)
        if id(data) in run.known:
            return True
        valid = inner(data, place, run)
        if valid:
            run.known[id(data)] = data
        return valid

    return check


def holds(data: Any, place: Place, run: Run) -> bool:
    """Anything is valid."""
    return True


def fails(node: Node) -> Check:
    """Nothing is valid."""
    fail = node.failing("false schema")

    def check(data: Any, place: Place, run: Run) -> bool:
        return fail(run, place, "boolean schema is false")

    return check
