"""Rulesets, read and compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
from apim_sdk.governance import JSONPath, RulesetFunction

from apim_governance.documents.document import ParserOptions
from apim_governance.findings import Severity
from apim_governance.paths.syntax import Path

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
    """A rule that is switched on. ``formats`` are those of documents that it is for, None for all."""

    name: str
    given: tuple[Given, ...]
    then: tuple[Then, ...]
    severity: Severity
    message: str | None = None
    description: str | None = None
    resolved: bool = True
    formats: frozenset[str] | None = None
    documentation_url: str | None = None
    tags: tuple[str, ...] = ()


@attrs.frozen
class Override:
    """Severities (None: off) of rules for some files; ``pointer`` for one place in them only."""

    files: tuple[re.Pattern[str], ...]
    severities: Mapping[str, Severity | None]
    pointer: tuple[str, ...] = ()

    def covers(self, source: str, path: JSONPath) -> bool:
        """Whether a place in a source is one of those."""
        begins = tuple(map(str, path[: len(self.pointer)]))
        return begins == self.pointer and any(pattern.fullmatch(source) for pattern in self.files)


@attrs.frozen
class Ruleset:
    """Rules by name, in the order in which they were defined."""

    rules: Mapping[str, Rule]
    source: str | None = None
    overrides: tuple[Override, ...] = ()
    parser_options: ParserOptions = ParserOptions()
    formats: tuple[str, ...] = ()
    """Those that any rule is for; a document of none of them is told of. Empty where some rule is for all."""

    def severity(self, rule: Rule, source: str | None, path: JSONPath) -> Severity | None:
        """The severity of a finding of a rule, None if it is off there: the last override that names it counts."""
        severity: Severity | None = rule.severity
        if source is None:
            return severity
        for override in self.overrides:
            if rule.name in override.severities and override.covers(source, path):
                severity = override.severities[rule.name]
        return severity
