"""What overrides of a ruleset add for a document: rules as a whole, and severities for places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.findings import Severity
from apim_governance.rulesets.globs import glob, relative_to
from apim_governance.rulesets.layering import severity_of
from apim_governance.rulesets.reading import Definition, Parent, Problems

__all__ = ["Overriding", "Placed", "covering", "each_override", "overridden"]

Placed = tuple[str, str, Severity | None]
"""The pattern for files, the pointer with ``#``, and the severity there."""


@attrs.frozen
class Overriding:
    """The overrides for a document: their numbers, and for each rule where it has other severities."""

    numbers: tuple[int, ...] = ()
    placed: Mapping[str, tuple[Placed, ...]] = attrs.field(factory=dict)

    @property
    def key(self) -> object:
        """The same for documents that the same holds for."""
        return self.numbers, tuple(self.placed.items())


def covering(definition: Definition, source: str | None, problems: Problems) -> Overriding:
    """The overrides whose files a document is one of. They have been looked at by ``each_override``."""
    overrides = definition.written.get("overrides")
    if not isinstance(overrides, list) or source is None:
        return Overriding()
    relative = relative_to(definition.source, source)
    numbers: list[int] = []
    placed: dict[str, dict[tuple[str, str], Severity | None]] = {}
    for number, override in enumerate(overrides):
        whole = False
        for pattern in override["files"]:
            name, sign, pointer = pattern.partition("#")
            if not glob(name).covers(relative):
                continue
            whole = whole or not sign
            for rule, value in override.get("rules", {}).items() if sign else ():
                severity = severity_of(value, ("overrides", number, "rules", rule), definition, problems)
                placed.setdefault(rule, {})[name, f"#{pointer}"] = severity
        if whole:
            numbers.append(number)
    return Overriding(
        tuple(numbers),
        {rule: tuple((*place, severity) for place, severity in places.items()) for rule, places in placed.items()},
    )


def each_override(definition: Definition, problems: Problems) -> Iterator[Definition]:
    """The ruleset with each of its overrides alone, for what is wrong with them; overrides of places are looked at."""
    overrides = definition.written.get("overrides", [])
    if not isinstance(overrides, list):
        problems.add("must be a list", ("overrides",), definition.source)
        return
    if not overrides and "overrides" in definition.written:
        problems.add("must not be empty", ("overrides",), definition.source, "invalid-override-definition")
    for number, override in enumerate(overrides):
        path: JSONPath = ("overrides", number)
        files = override.get("files") if isinstance(override, Mapping) else None
        if not isinstance(files, list) or not files or not all(isinstance(each, str) and each for each in files):
            problems.add(
                'an override must have "files", a list of patterns',
                path,
                definition.source,
                "invalid-override-definition",
            )
            continue
        rules = override.get("rules", {})
        if not isinstance(rules, Mapping):
            problems.add("must be an object", (*path, "rules"), definition.source)
            continue
        if all("#" in each for each in files):
            for name, value in rules.items():
                severity_of(value, (*path, "rules", name), definition, problems)
        else:
            yield overridden(definition, (number,))


def overridden(definition: Definition, numbers: tuple[int, ...]) -> Definition:
    """A ruleset with what these of its overrides add: their rules come behind its own, and those of both behind what
    the overrides, or else the ruleset, extend."""
    if not numbers:
        return definition
    overrides = definition.written["overrides"]
    together: Mapping[str, Any] = reduce(_together, (overrides[number] for number in numbers))
    whole = {name: value for name, value in definition.written.items() if name != "overrides"}
    extending = [number for number in numbers if number in definition.overriding]
    extends = definition.overriding[extending[-1]] if extending else definition.extends
    written = {name: value for name, value in _together(whole, together).items() if name != "files"}
    if "rules" in whole and "rules" in together:
        written["rules"] = together["rules"]
        extends = (*extends, Parent(attrs.evolve(definition, written=whole)))
    return Definition(written, definition.source, extends, definition.functions, place=("overrides", numbers[-1]))


def _together(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two overrides as one: what the second one has counts; of rules and aliases, each that any has."""
    both = {**first, **second}
    for name in ("aliases", "rules"):
        if isinstance(first.get(name), Mapping) and isinstance(second.get(name), Mapping):
            both[name] = {**first[name], **second[name]}
    return both
