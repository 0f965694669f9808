"""Rulesets, read and compiled."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from apim_sdk.governance import JSONPath, RulesetFunction

from apim_governance.documents.document import ParserOptions
from apim_governance.findings import Severity
from apim_governance.messages import pointer_text
from apim_governance.paths.syntax import Path
from apim_governance.rulesets.globs import Glob, relative_to

__all__ = ["Given", "Override", "Rule", "Ruleset", "Then"]


@attrs.frozen
class Then:
    """What a rule does with a node that it found: a function, for the node or a field of it.

    ``field`` is a name, a path of names (``a.b``), ``@key`` for each name of a mapping, or a JSONPath from the node;
    None for the node itself.
    """

    function: RulesetFunction
    field: str | None = None


@attrs.frozen
class Given:
    """Where a rule looks; only in documents of these formats, if they are not None, and never in those of others."""

    path: Path
    formats: frozenset[str] | None = None
    unless: frozenset[str] = frozenset()

    def holds(self, formats: frozenset[str]) -> bool:
        """Whether it is for documents of these formats."""
        return (self.formats is None or not self.formats.isdisjoint(formats)) and self.unless.isdisjoint(formats)


@attrs.frozen
class Rule:
    """A rule that is switched on. ``formats`` are those of documents that it is for, None for all; without a
    ``severity`` it tells only where an override gives it one."""

    name: str
    given: tuple[Given, ...]
    then: tuple[Then, ...]
    severity: Severity | None
    message: str | None = None
    description: str | None = None
    resolved: bool = True
    formats: frozenset[str] | None = None
    documentation_url: str | None = None
    tags: tuple[str, ...] = ()


@attrs.frozen
class Override:
    """A severity (None: off) of a rule for a place in some files; ``pointer`` begins with ``#``."""

    files: Glob
    pointer: str
    severity: Severity | None

    def covers(self, source: str, pointer: str) -> bool:
        """Whether a place in a source, as overrides see it, is that one or in it."""
        inside = pointer == self.pointer or pointer.startswith(f"{self.pointer}/")
        return inside and self.files.covers(source)


@attrs.frozen
class Ruleset:
    """Rules by name, in the order in which they were defined."""

    rules: Mapping[str, Rule]
    source: str | None = None
    overrides: Mapping[str, tuple[Override, ...]] = attrs.field(factory=dict)
    parser_options: ParserOptions = ParserOptions()
    formats: tuple[str, ...] = ()
    """Those that the rulesets and rules are for, as they are named; a document of none of them is told of."""

    def severity(self, rule: Rule, source: str | None, path: JSONPath) -> Severity | None:
        """The severity of a finding of a rule, None if it is off there: the override for the nearest place counts."""
        overrides = self.overrides.get(rule.name)
        if overrides is None or source is None:
            return rule.severity
        relative, pointer = relative_to(self.source, source), pointer_text(path)
        covering = [each for each in overrides if each.covers(relative, pointer)]
        if not covering:
            return rule.severity
        longest = max(len(each.pointer) for each in covering)
        return [each.severity for each in covering if len(each.pointer) == longest][-1]
