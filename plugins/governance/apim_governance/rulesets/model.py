"""Rulesets, read and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from apim_sdk.governance import RulesetFunction

from apim_governance.findings import Severity
from apim_governance.paths.syntax import Path

__all__ = ["Override", "Rule", "Ruleset", "Then"]


@attrs.frozen
class Then:
    """What a rule does with a node that it found: a function, for the node or a field of it.

    ``field`` is a name, a path of names (``a.b``), ``@key`` for each name of a mapping, or a JSONPath from the node;
    None for the node itself.
    """

    function: RulesetFunction
    field: str | None = None


@attrs.frozen
class Rule:
    """A rule that is switched on. ``formats`` are those of documents that it is for, None for all."""

    name: str
    given: tuple[Path, ...]
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

    files: tuple[str, ...]
    severities: Mapping[str, Severity | None]
    pointer: tuple[str, ...] | None = None


@attrs.frozen
class Ruleset:
    """Rules by name, in the order in which they were defined."""

    rules: Mapping[str, Rule]
    source: str | None = None
    overrides: tuple[Override, ...] = ()
    parser_options: Mapping[str, Any] = attrs.field(factory=dict)
    formats: frozenset[str] = frozenset()
