"""Lays definitions over each other: which rules there are, who wrote them, and which are on.

What a ruleset extends comes first. A mode that is written there (``[name, all]``) holds for all rules of that ruleset,
those that it extends itself with them; without one, each stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.findings import Severity
from apim_governance.rulesets.members import check_rule, check_ruleset, format_names
from apim_governance.rulesets.reading import Definition, Problems

__all__ = ["NO_SEVERITY", "Layered", "LayeredRule", "alias_of", "layered", "severity_of"]

NO_SEVERITY: Final = 'the value has to be one of: 0, 1, 2, 3 or "error", "warn", "info", "hint", "off"'
_SEVERITIES: Final = {
    "error": Severity.ERROR,
    "warn": Severity.WARN,
    "info": Severity.INFO,
    "hint": Severity.HINT,
    "off": None,
}


@attrs.define
class LayeredRule:
    """A rule while definitions are laid over each other: ``owner`` made it, ``aliases`` has the aliases for it."""

    name: str
    written: dict[str, Any]
    owner: Definition
    aliases: Definition
    path: JSONPath
    severity: Severity | None
    documentation_url: str | None
    formats: Any
    enabled: bool = True

    def turn(self, mode: str) -> None:
        """On or off, as the mode of a ruleset has it."""
        self.enabled = mode == "all" or (mode == "recommended" and self.written.get("recommended") is not False)


@attrs.frozen
class Layered:
    """All rules by name, and the formats that they and their rulesets are for, as they were met."""

    rules: dict[str, LayeredRule]
    formats: dict[str, None]


def layered(definition: Definition, problems: Problems, mode: str = "recommended", said: bool = False) -> Layered:
    """The rules of a definition and of all that it extends."""
    written = definition.written
    own = written.get("formats", [])
    check_ruleset(definition, problems)
    result = Layered({}, dict.fromkeys(format_names(own)))
    for parent in definition.extends:
        inner = layered(parent.definition, problems, parent.mode, parent.said)
        result.formats.update(inner.formats)
        for name, rule in inner.rules.items():
            result.rules[name] = rule
            if said:
                rule.turn(mode)
    rules = written.get("rules", {})
    if not isinstance(rules, Mapping):
        problems.add("must be an object", (*definition.place, "rules"), definition.source)
        return result
    url = written.get("documentationUrl")
    for name, value in rules.items():
        laid = _laid(result.rules.get(name), definition, name, value, problems)
        if laid is None:
            continue
        rule = result.rules[name] = laid
        if rule.owner is definition or said:
            rule.turn(mode)
        if rule.formats is not None:
            result.formats.update(dict.fromkeys(format_names(rule.formats)))
        else:
            rule.formats = rule.owner.written.get("formats")
        if rule.documentation_url is None and isinstance(url, str):
            rule.documentation_url = f"{url}#{name}"
    return result


def _laid(
    existing: LayeredRule | None, definition: Definition, name: str, value: Any, problems: Problems
) -> LayeredRule | None:
    """A rule, new or changed by what a definition says of it."""
    path: JSONPath = (*definition.place, "rules", name)
    if isinstance(value, Mapping):
        if not check_rule(value, path, existing is None, definition, problems):
            return None
        severity = severity_of(value.get("severity", "warn"), (*path, "severity"), definition, problems)
        if existing is None:
            url = value.get("documentationUrl")
            return LayeredRule(name, dict(value), definition, definition, path, severity, url, value.get("formats"))
        existing.written = {**existing.written, **value}
        existing.enabled = True
        if "given" in value:
            existing.aliases = definition
        if "severity" in value:
            existing.severity = severity
        existing.formats = value.get("formats", existing.formats)
        existing.documentation_url = value.get("documentationUrl", existing.documentation_url)
    elif existing is None:
        problems.add(f'Cannot extend non-existing rule: "{name}"', path, definition.source, "undefined-rule")
    elif isinstance(value, bool):
        existing.enabled = value
    elif value in ("recommended", "all"):
        existing.turn(value)
    else:
        existing.severity = severity_of(value, path, definition, problems)
        existing.enabled = value != "off"
    return existing


def severity_of(value: Any, path: JSONPath, definition: Definition, problems: Problems) -> Severity | None:
    """A severity as rulesets write it, None for ``off``; what is none is told."""
    if isinstance(value, str) and value in _SEVERITIES:
        return _SEVERITIES[value]
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 3:
        return None if value == -1 else Severity(value)
    problems.add(NO_SEVERITY, path, definition.source, "invalid-severity")
    return Severity.WARN


def alias_of(definition: Definition, name: str) -> Any:
    """What an alias of a definition, or else of one that it extends, stands for. Raises KeyError."""
    for each in _nearest(definition):
        aliases = each.written.get("aliases")
        if isinstance(aliases, Mapping) and name in aliases:
            return aliases[name]
    raise KeyError(name)


def _nearest(definition: Definition) -> Iterator[Definition]:
    yield definition
    for parent in reversed(definition.extends):
        yield from _nearest(parent.definition)
