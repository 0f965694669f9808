"""Makes of definitions the rules that are on: merged, with their functions, expressions and severities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from apim_sdk.governance import JSONPath

from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import ParserOptions
from apim_governance.functions.function import InvalidOptions, configured
from apim_governance.paths.parser import parse
from apim_governance.paths.syntax import PathSyntaxError
from apim_governance.rulesets.globs import glob
from apim_governance.rulesets.layering import NO_SEVERITY, LayeredRule, alias_of, layered
from apim_governance.rulesets.members import format_names
from apim_governance.rulesets.model import Given, Override, Rule, Ruleset, Then
from apim_governance.rulesets.overriding import Overriding, Placed, covering, each_override, overridden
from apim_governance.rulesets.reading import Definition, Problems, Rulesets
from apim_governance.suggestions import did_you_mean

__all__ = ["Compiler"]

_LEVELS: Final = ("error", "warn", "info", "hint", "off")
_ALIAS: Final = re.compile(r"#([A-Za-z0-9_-]+)")
_PARSER: Final = "invalid-parser-options-definition"
_DEEPEST: Final = 50


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
        if not self._compiled:
            self._compiled[Overriding().key] = _Compilation(self._definition, self._catalogue, problems).ruleset({})
            problems.check()
            for each in each_override(self._definition, problems):
                problems.take(_Compilation(each, self._catalogue, Problems()).checked(), but="undefined-rule")
            problems.check()
        overriding = covering(self._definition, source, problems)
        problems.check()
        known = self._compiled.get(overriding.key)
        if known is None:
            definition = overridden(self._definition, overriding.numbers)
            known = _Compilation(definition, self._catalogue, problems).ruleset(overriding.placed)
            problems.check()
            self._compiled[overriding.key] = known
        return known


class _Compilation:
    def __init__(self, definition: Definition, catalogue: Catalogue, problems: Problems) -> None:
        self._definition = definition
        self._catalogue = catalogue
        self._problems = problems
        self._functions = {name: kind for each in definition.lineage() for name, kind in each.functions.items()}

    def ruleset(self, placed: Mapping[str, tuple[Placed, ...]]) -> Ruleset:
        merged = layered(self._definition, self._problems)
        rules: dict[str, Rule] = {}
        for each in merged.rules.values():
            rule = self._rule(each, each.name in placed)
            if rule is not None:
                rules[each.name] = rule
        return Ruleset(
            rules,
            self._definition.source,
            {
                name: tuple(Override(glob(files), pointer, severity) for files, pointer, severity in places)
                for name, places in placed.items()
            },
            self._parser_options(),
            tuple(merged.formats),
        )

    def checked(self) -> Problems:
        """What is wrong with what the definition itself says of rules."""
        for each in layered(self._definition, self._problems).rules.values():
            if self._definition in (each.owner, each.aliases):
                self._rule(each, placed=False)
        self._parser_options()
        return self._problems

    # One rule

    def _rule(self, merged: LayeredRule, placed: bool) -> Rule | None:
        """A rule that is on; one that is told of otherwise at some places is, whatever it is elsewhere."""
        written = merged.written
        given = tuple(self._given(merged))
        then = tuple(self._then(merged))
        if not placed and (not merged.enabled or merged.severity is None):
            return None
        return Rule(
            merged.name,
            given,
            then,
            merged.severity,
            written.get("message"),
            written.get("description"),
            written.get("resolved", True) is not False,
            None if merged.formats is None else frozenset(format_names(merged.formats)),
            merged.documentation_url,
            tuple(written.get("tags", ())) if isinstance(written.get("tags"), list) else (),
        )

    def _tell(self, merged: LayeredRule, message: str, *path: str | int, code: str = "invalid-rule-definition") -> None:
        self._problems.add(message, (*merged.path, *path), merged.owner.source, code)

    def _given(self, merged: LayeredRule) -> Iterator[Given]:
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
        self, text: str, merged: LayeredRule, place: tuple[str | int, ...], above: tuple[str, ...]
    ) -> Iterator[tuple[str, frozenset[str] | None, frozenset[str]]]:
        """What an expression stands for, with the formats of documents that it is for, and those that it is not for."""
        if not text.startswith("#"):
            yield text, None, frozenset()
            return
        found = _ALIAS.match(text)
        if found is None:
            self._tell(merged, f"Alias must match /^{_ALIAS.pattern}/", *place)
            return
        name = found[1]
        if name in above or len(above) > _DEEPEST:
            self._tell(merged, f'Alias "{name}" is circular', *place)
            return
        try:
            written = alias_of(merged.aliases, name)
        except KeyError:
            self._tell(merged, f'Alias "{name}" does not exist', *place)
            return
        rest = text[found.end() :]
        for expression, formats, unless in self._alias(name, written, merged, place):
            for inner, inner_formats, inner_unless in self._expanded(expression + rest, merged, place, (*above, name)):
                both = (
                    formats if inner_formats is None else inner_formats if formats is None else formats & inner_formats
                )
                yield inner, both, unless | inner_unless

    def _alias(
        self, name: str, written: Any, merged: LayeredRule, place: tuple[str | int, ...]
    ) -> Iterator[tuple[str, frozenset[str] | None, frozenset[str]]]:
        if isinstance(written, str):
            yield written, None, frozenset()
        elif isinstance(written, list):
            yield from ((str(each), None, frozenset()) for each in written)
        elif isinstance(written, Mapping) and isinstance(written.get("targets"), list):
            later: frozenset[str] = frozenset()
            for target in reversed(written["targets"]):
                if not isinstance(target, Mapping) or not isinstance(target.get("given"), list):
                    continue  # which has been told
                formats = frozenset(format_names(target.get("formats")))
                yield from ((str(each), formats, later) for each in target["given"])
                later |= formats
        else:
            self._tell(merged, f'Alias "{name}" is neither a list of expressions nor has targets', *place)

    def _then(self, merged: LayeredRule) -> Iterator[Then]:
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

    def _parser_options(self) -> ParserOptions:
        """Those of the ruleset itself: what it extends does not say how documents are read."""
        options: dict[str, Any] = {}
        names = {"duplicateKeys": "duplicate_keys", "incompatibleValues": "incompatible_values"}
        definition = self._definition
        written = definition.written.get("parserOptions", {})
        place: JSONPath = (*definition.place, "parserOptions")
        if not isinstance(written, Mapping):
            self._problems.add("must be an object", place, definition.source)
            return ParserOptions()
        for name, value in written.items():
            level = value
            if isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 3:
                level = _LEVELS[value]
            if name not in names:
                self._problems.add("is no parser option", (*place, name), definition.source, _PARSER)
            elif level not in _LEVELS:
                self._problems.add(NO_SEVERITY, (*place, name), definition.source, _PARSER)
            else:
                options[names[name]] = level
        return ParserOptions(**options)
