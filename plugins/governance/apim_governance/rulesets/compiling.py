"""Makes of definitions the rules that are on: merged, with their functions, expressions and severities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import ParserOptions
from apim_governance.documents.formats import FORMATS
from apim_governance.findings import Severity
from apim_governance.functions.function import InvalidOptions, configured
from apim_governance.paths.parser import parse
from apim_governance.paths.syntax import PathSyntaxError
from apim_governance.rulesets.model import Given, Override, Rule, Ruleset, Then
from apim_governance.rulesets.reading import Definition, Problems, Rulesets, for_document
from apim_governance.suggestions import did_you_mean

__all__ = ["Compiler"]

_SEVERITIES: Final = {
    "error": Severity.ERROR,
    "warn": Severity.WARN,
    "info": Severity.INFO,
    "hint": Severity.HINT,
    "off": None,
}
_LEVELS: Final = ("error", "warn", "info", "hint", "off")
_NO_SEVERITY: Final = 'the value has to be one of: 0, 1, 2, 3 or "error", "warn", "info", "hint", "off"'
_ALIAS: Final = re.compile(r"#([A-Za-z][A-Za-z0-9_-]*)")
_DEEPEST: Final = 50


@attrs.define
class _Merged:
    """A rule while definitions are laid over each other."""

    name: str
    written: dict[str, Any]
    owner: Definition
    enabled: bool
    severity: Severity | None
    formats: Any = None
    documentation_url: str | None = None
    path: JSONPath = ()


class Compiler:
    """Compiles one ruleset, for each document anew where its overrides say so."""

    def __init__(self, definition: Definition, catalogue: Catalogue) -> None:
        self._definition = definition
        self._catalogue = catalogue
        self._compiled: dict[Any, Ruleset] = {}

    @classmethod
    def of(cls, rulesets: Rulesets, name: str) -> Compiler:
        """Read a ruleset, and see that it can be compiled. Raises RulesetError."""
        compiler = cls(rulesets.load(name), rulesets.catalogue)
        compiler.ruleset()
        return compiler

    def ruleset(self, source: str | None = None) -> Ruleset:
        """The rules for a document of that source. Raises RulesetError with all that is wrong."""
        problems = Problems()
        definition, placed = for_document(self._definition, source, problems)
        key = (definition if definition is self._definition else source, source if placed else None)
        known = self._compiled.get(key)
        if known is None:
            known = _Compilation(definition, self._catalogue, problems).ruleset(placed, source)
            problems.check()
            self._compiled[key] = known
        return known


class _Compilation:
    def __init__(self, definition: Definition, catalogue: Catalogue, problems: Problems) -> None:
        self._definition = definition
        self._catalogue = catalogue
        self._problems = problems
        self._aliases: dict[str, Any] = {}
        for each in definition.lineage():
            written = each.written.get("aliases")
            if isinstance(written, Mapping):
                self._aliases.update(written)
        self._functions = {name: kind for each in definition.lineage() for name, kind in each.functions.items()}

    def ruleset(self, placed: list[tuple[tuple[str, ...], Any]], source: str | None) -> Ruleset:
        merged = self._merged(self._definition, "recommended")
        rules: dict[str, Rule] = {}
        for each in merged.values():
            rule = self._rule(each)
            if rule is not None:
                rules[each.name] = rule
        return Ruleset(
            rules,
            self._definition.source,
            tuple(self._placed(placed, source)),
            self._parser_options(),
            self._formats(merged),
        )

    # Laying definitions over each other

    def _merged(self, definition: Definition, mode: str) -> dict[str, _Merged]:
        rules: dict[str, _Merged] = {}
        for parent, parent_mode in definition.extends:
            rules.update(self._merged(parent, mode if parent_mode == "as-is" else parent_mode))
        written = definition.written.get("rules", {})
        if not isinstance(written, Mapping):
            self._problems.add("must be an object", ("rules",), definition.source)
            return rules
        for name, value in written.items():
            self._lay(definition, rules, name, value, mode)
        return rules

    def _lay(self, definition: Definition, rules: dict[str, _Merged], name: str, value: Any, mode: str) -> None:
        path: JSONPath = ("rules", name)
        existing = rules.get(name)
        if isinstance(value, Mapping):
            if existing is None:
                rules[name] = self._new(definition, name, value, mode)
            else:
                existing.written = {**existing.written, **value}
                existing.enabled = True
                if "severity" in value:
                    existing.severity = self._severity(value["severity"], (*path, "severity"), definition)
                if "formats" in value:
                    existing.formats = value["formats"]
            return
        if existing is None:
            self._problems.add(f'Cannot extend non-existing rule: "{name}"', path, definition.source, "undefined-rule")
        elif isinstance(value, bool):
            existing.enabled = value
        elif value in ("recommended", "all"):
            existing.enabled = value == "all" or existing.written.get("recommended", True) is not False
        else:
            existing.severity = self._severity(value, path, definition)
            existing.enabled = existing.severity is not None

    def _new(self, definition: Definition, name: str, value: Mapping[str, Any], mode: str) -> _Merged:
        recommended = value.get("recommended", True) is not False
        path: JSONPath = ("rules", name)
        severity = self._severity(value.get("severity", "warn"), (*path, "severity"), definition)
        url = value.get("documentationUrl")
        whole = definition.written.get("documentationUrl")
        if url is None and isinstance(whole, str):
            url = f"{whole}#{name}"
        formats = value.get("formats", definition.written.get("formats"))
        enabled = (mode == "all" or (mode != "off" and recommended)) and severity is not None
        return _Merged(name, dict(value), definition, enabled, severity, formats, url, path)

    def _severity(self, value: Any, path: JSONPath, definition: Definition) -> Severity | None:
        if isinstance(value, str) and value in _SEVERITIES:
            return _SEVERITIES[value]
        if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 3:
            return None if value == -1 else Severity(value)
        self._problems.add(_NO_SEVERITY, path, definition.source)
        return Severity.WARN

    # One rule

    def _rule(self, merged: _Merged) -> Rule | None:
        written = merged.written
        given = tuple(self._given(merged))
        then = tuple(self._then(merged))
        for name in ("message", "description"):
            if written.get(name) is not None and not isinstance(written[name], str):
                self._tell(merged, "must be string", name)
        formats = self._formats_of(merged)
        if not merged.enabled or merged.severity is None:
            return None
        return Rule(
            merged.name,
            given,
            then,
            merged.severity,
            written.get("message"),
            written.get("description"),
            written.get("resolved", True) is not False,
            None if formats is None else frozenset(formats),
            merged.documentation_url,
            tuple(written.get("tags", ())),
        )

    def _tell(self, merged: _Merged, message: str, *path: str | int, code: str = "invalid-rule-definition") -> None:
        self._problems.add(message, (*merged.path, *path), merged.owner.source, code)

    def _formats_of(self, merged: _Merged) -> tuple[str, ...] | None:
        written = merged.formats
        if written is None:
            return None
        names = [str(name).replace("_", ".") for name in (written if isinstance(written, list) else [written])]
        for index, name in enumerate(names):
            if name not in FORMATS:
                self._tell(merged, f"there is no format {name!r}{did_you_mean(name, FORMATS)}", "formats", index)
        return tuple(names)

    def _given(self, merged: _Merged) -> Iterator[Given]:
        written = merged.written.get("given")
        listed = [written] if isinstance(written, str) else written
        if not isinstance(listed, list) or not listed or not all(isinstance(each, str) for each in listed):
            self._tell(merged, "must be a valid JSON Path expression or an alias, or a list of them", "given")
            return
        for index, expression in enumerate(listed):
            place = ("given",) if isinstance(written, str) else ("given", index)
            for text, formats, unless in self._expanded(expression, merged, place, ()):
                try:
                    yield Given(parse(text), formats, unless)
                except PathSyntaxError as error:
                    self._tell(merged, str(error), *place)

    def _expanded(
        self, text: str, merged: _Merged, place: tuple[str | int, ...], above: tuple[str, ...]
    ) -> Iterator[tuple[str, frozenset[str] | None, frozenset[str]]]:
        """What an expression stands for, with the formats of documents that it is for, and those that it is not for."""
        if not text.startswith("#"):
            yield text, None, frozenset()
            return
        found = _ALIAS.match(text)
        name = text[1:] if found is None else found[1]
        if name in above or len(above) > _DEEPEST:
            self._tell(merged, f'Alias "{name}" is circular', *place)
            return
        if found is None or name not in self._aliases:
            self._tell(merged, f'Alias "{name}" does not exist', *place)
            return
        rest = text[found.end() :]
        for expression, formats, unless in self._alias(name, merged, place):
            for inner, inner_formats, inner_unless in self._expanded(expression + rest, merged, place, (*above, name)):
                both = (
                    formats if inner_formats is None else inner_formats if formats is None else formats & inner_formats
                )
                yield inner, both, unless | inner_unless

    def _alias(
        self, name: str, merged: _Merged, place: tuple[str | int, ...]
    ) -> Iterator[tuple[str, frozenset[str] | None, frozenset[str]]]:
        written = self._aliases[name]
        if isinstance(written, str):
            yield written, None, frozenset()
        elif isinstance(written, list):
            yield from ((str(each), None, frozenset()) for each in written)
        elif isinstance(written, Mapping) and isinstance(written.get("targets"), list):
            later: frozenset[str] = frozenset()
            for target in reversed(written["targets"]):
                formats = frozenset(str(each).replace("_", ".") for each in target.get("formats", ()))
                yield from ((str(each), formats, later) for each in target.get("given", ()))
                later |= formats
        else:
            self._tell(merged, f'Alias "{name}" is neither a list of expressions nor has targets', *place)

    def _then(self, merged: _Merged) -> Iterator[Then]:
        written = merged.written.get("then")
        listed = written if isinstance(written, list) else [written]
        for index, each in enumerate(listed):
            place = ("then", index) if isinstance(written, list) else ("then",)
            if not isinstance(each, Mapping) or not isinstance(each.get("function"), str):
                self._tell(merged, 'must have a "function"', *place)
                continue
            name = each["function"]
            function = self._functions.get(name) or self._catalogue.function(name)
            if function is None:
                self._tell(merged, self._unknown_function(name), *place, "function", code="undefined-function")
                continue
            field = each.get("field")
            if field is not None and not isinstance(field, str):
                self._tell(merged, "must be string", *place, "field")
                continue
            try:
                yield Then(configured(function, name, each.get("functionOptions")), field)
            except InvalidOptions as error:
                for problem in error.problems:
                    options = (*place, "functionOptions", *problem.path)
                    self._tell(merged, problem.message, *options, code="invalid-function-options")

    def _unknown_function(self, name: str) -> str:
        for definition in self._definition.lineage():
            for each in definition.written.get("functions", ()) or ():
                if name == (each[0] if isinstance(each, list) and each else each):
                    return (
                        f'Function "{name}" is not defined: functions in JavaScript are not run here unless they are '
                        "allowed (--allow-javascript, or javascript: true of the governor); "
                        "or write it in Python, as a plugin of the kind ruleset function"
                    )
        return f'Function "{name}" is not defined{did_you_mean(name, self._catalogue.names())}'

    # The ruleset as a whole

    def _placed(self, placed: list[tuple[tuple[str, ...], Any]], source: str | None) -> Iterator[Override]:
        for pointer, rules in placed:
            severities = {
                name: self._severity(value, ("overrides",), self._definition)
                for name, value in (rules.items() if isinstance(rules, Mapping) else ())
            }
            yield Override((re.compile(re.escape(source or "")),), severities, pointer)

    def _parser_options(self) -> ParserOptions:
        options: dict[str, Any] = {}
        names = {"duplicateKeys": "duplicate_keys", "incompatibleValues": "incompatible_values"}
        for definition in self._definition.lineage():
            written = definition.written.get("parserOptions")
            for name, value in (written or {}).items() if isinstance(written, Mapping) else ():
                level = value
                if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_LEVELS):
                    level = _LEVELS[value]
                if name not in names:
                    self._problems.add("is no parser option", ("parserOptions", name), definition.source)
                elif level not in _LEVELS:
                    self._problems.add(_NO_SEVERITY, ("parserOptions", name), definition.source)
                else:
                    options[names[name]] = level
        return ParserOptions(**options)

    def _formats(self, merged: Mapping[str, _Merged]) -> tuple[str, ...]:
        """Formats that the ruleset is for, and then those of its rules, in the order in which they are named."""
        formats: list[str] = []
        for definition in self._definition.lineage():
            formats.extend(str(name).replace("_", ".") for name in definition.written.get("formats", ()) or ())
        for rule in merged.values():
            formats.extend(self._formats_of(rule) or ())
        return tuple(dict.fromkeys(formats))
