"""Checks of what a plugin says about itself: its name, its documentation, its schema, its cost to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import attrs

from apim_sdk.plugin import Plugin, Posture, Status
from apim_sdk.policy import FLOW_METHODS, Policy, flows_of
from apim_sdk.testing.conformance.subject import Subject, require

__all__ = ["CHECKS", "IMPORT_BUDGET", "POLICY_CHECKS"]

IMPORT_BUDGET = 0.300
"""Seconds of CPU that importing a plugin's module may take beyond those for the SDK: enough for a library of
cryptography, not for a web framework."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def its_name_is_in_kebab_case(subject: Subject) -> None:
    require(
        _NAME.fullmatch(subject.name),
        f"the entry point is named {subject.name!r}: use lower-case words with hyphens between them",
    )


def it_is_a_frozen_class_of_a_known_kind(subject: Subject) -> None:
    plugin = subject.plugin
    require(
        isinstance(plugin, type) and issubclass(plugin, Plugin) and plugin.kind,
        f"the entry point {subject.name!r} must name a class derived from Policy, Endpoint or another kind of apim_sdk",
    )
    require(attrs.has(plugin), f"put @attrs.frozen above {plugin.__name__}: its fields are its options")
    require(
        plugin.__setattr__ is not object.__setattr__,
        f"{plugin.__name__} can be changed: use @attrs.frozen, for one instance serves all exchanges at once",
    )


def it_has_a_docstring(subject: Subject) -> None:
    text = subject.plugin.__dict__.get("__doc__")
    require(text and text.strip(), f"{subject.plugin.__name__} has no docstring: say in a sentence what it does")


def it_says_how_far_to_trust_it(subject: Subject) -> None:
    plugin = subject.plugin
    require(isinstance(plugin.status, Status), f"{plugin.__name__}.status must be a Status, it is {plugin.status!r}")
    require(
        isinstance(plugin.posture, Posture), f"{plugin.__name__}.posture must be a Posture, it is {plugin.posture!r}"
    )


def its_schema_is_json(subject: Subject) -> None:
    schema = subject.schema()
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError) as error:
        require(False, f"the schema of {subject} is not JSON: {error}")
    require(json.loads(text) == schema, f"the schema of {subject} changes when it is written as JSON and read again")
    for place, node in _nodes(schema):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            require(_follow(schema, reference) is not None, f"the schema of {subject} refers to nothing at {place}")
        for required in node.get("required", ()):
            require(
                required in node["properties"], f"the schema of {subject} requires {required!r} but describes it not"
            )


def every_option_is_described(subject: Subject) -> None:
    missing = [
        f"{place}/{name}"
        for place, node in _nodes(subject.schema())
        for name, option in node.get("properties", {}).items()
        if not option.get("description", "").strip()
    ]
    require(
        not missing,
        f"options of {subject} without a description: {', '.join(missing)}; put a docstring under each field",
    )


def its_example_builds(subject: Subject) -> None:
    built = subject.build()
    require(
        type(built) is subject.plugin,
        f"{subject.plugin.__name__}.example must make one, as an operator would write its settings; it made {built!r}",
    )


def it_imports_quickly(subject: Subject) -> None:
    seconds, _ = _import(subject.plugin.__module__)
    require(
        seconds <= IMPORT_BUDGET,
        f"importing {subject.plugin.__module__} takes {seconds * 1000:.0f} ms, over {IMPORT_BUDGET * 1000:.0f} ms: "
        f"see `python -X importtime -c 'import {subject.plugin.__module__}'`, and import what is heavy in start()",
    )


def it_imports_nothing_of_the_core(subject: Subject) -> None:
    _, modules = _import(subject.plugin.__module__)
    core = sorted(name for name in modules if name.partition(".")[0] == "apim_core")
    require(not core, f"{subject.plugin.__module__} imports {', '.join(core)}: a plugin may import apim_sdk only")


def it_may_stand_in_a_flow(subject: Subject) -> None:
    policy = subject.plugin
    assert issubclass(policy, Policy), "this check is for policies"
    methods = sorted({method for methods in FLOW_METHODS.values() for method in methods})
    require(flows_of(policy), f"{policy.__name__} defines none of {', '.join(methods)}: it would never run")


CHECKS = (
    its_name_is_in_kebab_case,
    it_is_a_frozen_class_of_a_known_kind,
    it_has_a_docstring,
    it_says_how_far_to_trust_it,
    its_schema_is_json,
    every_option_is_described,
    its_example_builds,
    it_imports_quickly,
    it_imports_nothing_of_the_core,
)
POLICY_CHECKS = (it_may_stand_in_a_flow,)


def _nodes(node: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema within a schema, with its JSON pointer."""
    if not isinstance(node, Mapping):
        return
    yield place, node
    for keyword in ("properties", "patternProperties", "$defs"):
        for name, inner in node.get(keyword, {}).items():
            yield from _nodes(inner, f"{place}/{keyword}/{name}")
    for keyword in ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else"):
        yield from _nodes(node.get(keyword), f"{place}/{keyword}")
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for number, inner in enumerate(node.get(keyword, ())):
            yield from _nodes(inner, f"{place}/{keyword}/{number}")


def _follow(schema: Mapping[str, Any], reference: str) -> Any:
    node: Any = schema
    for part in reference.lstrip("#").split("/")[1:]:
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return node


@cache
def _import(module: str) -> tuple[float, tuple[str, ...]]:
    """What importing a module costs in a fresh interpreter: seconds of CPU, best of three, and what it brings in."""
    program = (
        "import sys, time, apim_sdk\n"
        "before, started = set(sys.modules), time.process_time()\n"
        f"import {module}\n"
        "print(time.process_time() - started, *sorted(set(sys.modules) - before))"
    )
    best, modules = float("inf"), ""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603  # our own interpreter, a module that is installed
        require(done.returncode == 0, f"{module} does not import in a fresh interpreter:\n{done.stderr}")
        seconds, _, modules = done.stdout.partition(" ")
        best = min(best, float(seconds))
        if best <= IMPORT_BUDGET:
            break
    return best, tuple(modules.split())
