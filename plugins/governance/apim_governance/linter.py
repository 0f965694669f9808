"""Runs a ruleset over a document.

All expressions of the rules that are for such a document go through it in one walk, and in another one through its
resolved form. What a function finds is told where it is written, in the order and with the words of Spectral.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import attrs
from apim_sdk.governance import JSONPath, Violation

from apim_governance.documents.document import Document
from apim_governance.documents.formats import FORMATS, formats_of
from apim_governance.documents.limits import MOST_FINDINGS, MOST_TOLD, Room
from apim_governance.documents.pointers import NotThere, closest, pointed
from apim_governance.documents.resolving import Origin, Resolved, resolve
from apim_governance.findings import NOWHERE, Finding, Severity, sorted_findings
from apim_governance.messages import Facts, filled, property_text
from apim_governance.paths.javascript import UNDEFINED
from apim_governance.paths.parser import parse
from apim_governance.paths.syntax import Path
from apim_governance.paths.traversal import Traversal, find
from apim_governance.patience import patience
from apim_governance.rulesets.model import Rule, Ruleset, Then

__all__ = ["Linter", "lint"]

Read = Callable[[str], str]
UNFINISHED: Final = "unfinished"
"""The code of what tells that not everything was looked at."""
_TOO_MANY: Final = (
    f"there are more than {MOST_FINDINGS:,} findings, or {MOST_TOLD:,} characters in them; "
    "the rest of the document was not looked at"
)
_TOO_SLOW: Final = "a regular expression in a filter takes too long; what it would have chosen was not looked at"


class _TooManyFindings(Exception):
    """There is no room for more."""


def lint(document: Document, ruleset: Ruleset, read: Read | None = None) -> tuple[Finding, ...]:
    """All that a ruleset finds in a document; ``read`` gives what it refers to."""
    return Linter(ruleset).lint(document, read)


class Linter:
    """A ruleset, compiled for the kinds of documents that it meets. It may be used by one thread at a time."""

    def __init__(self, ruleset: Ruleset, ignore_unknown_format: bool = False) -> None:
        self._ruleset = ruleset
        self._ignore_unknown_format = ignore_unknown_format
        self._plans: dict[frozenset[str], tuple[_Plan, _Plan]] = {}

    def lint(self, document: Document, read: Read | None = None) -> tuple[Finding, ...]:
        """All that is to be said of a document."""
        resolved = resolve(document, read)
        findings = [*document.problems, *resolved.problems]
        formats = formats_of(resolved.root)
        known = self._ruleset.formats
        if known and formats.isdisjoint(known) and not self._ignore_unknown_format:
            findings.append(self._unrecognised(document))
        run = _Run(self._ruleset, resolved, formats)
        with patience() as left:
            try:
                for plan, data in zip(self._plan(formats), (document.data, resolved.root), strict=True):
                    plan.run(data, run)
            except _TooManyFindings:
                findings.append(self._unfinished(document, _TOO_MANY))
        if left.unanswered:
            findings.append(self._unfinished(document, _TOO_SLOW))
        return sorted_findings([*findings, *run.findings])

    def _unfinished(self, document: Document, message: str) -> Finding:
        return Finding(UNFINISHED, message, Severity.ERROR, (), document.range_of(()) or NOWHERE, document.source)

    def _unrecognised(self, document: Document) -> Finding:
        titles = ", ".join(FORMATS[name].title for name in self._ruleset.formats if name in FORMATS)
        message = f"The provided document does not match any of the registered formats [{titles}]"
        place = document.range_of(()) or NOWHERE
        return Finding("unrecognized-format", message, Severity.WARN, (), place, document.source)

    def _plan(self, formats: frozenset[str]) -> tuple[_Plan, _Plan]:
        known = self._plans.get(formats)
        if known is None:
            rules = [
                rule
                for rule in self._ruleset.rules.values()
                if rule.formats is None or not rule.formats.isdisjoint(formats)
            ]
            named = formats & frozenset(self._ruleset.formats)  # aliases know no others
            written = _Plan([rule for rule in rules if not rule.resolved], named, once=False)
            resolved = _Plan([rule for rule in rules if rule.resolved], named, once=True)
            known = self._plans[formats] = written, resolved
        return known


class _Plan:
    """Rules over one form of a document, their expressions compiled into one traversal."""

    def __init__(self, rules: Iterable[Rule], formats: frozenset[str], once: bool) -> None:
        by_path: dict[str, list[Rule]] = {}
        paths: dict[str, Path] = {}
        for rule in rules:
            for given in rule.given:
                if given.holds(formats):
                    paths[given.path.text] = given.path
                    by_path.setdefault(given.path.text, []).append(rule)
        self._rules = [by_path[text] for text in paths]
        self._traversal = Traversal(list(paths.values()), once)

    def run(self, data: Any, run: _Run) -> None:
        rules = self._rules

        def match(number: int, value: Any, path: JSONPath) -> None:
            for rule in rules[number]:
                run.apply(rule, value, path)

        self._traversal.run(data, match)


@attrs.define
class _Context:
    """What a function may look at; one object for a whole run, which is moved from node to node."""

    path: JSONPath
    rule: str
    document: Any
    resolved: Any
    formats: frozenset[str]
    follows_references: bool = True


class _Run:
    """One document, and what is found in it."""

    def __init__(self, ruleset: Ruleset, resolved: Resolved, formats: frozenset[str]) -> None:
        self._ruleset = ruleset
        self._resolved = resolved
        self._context = _Context((), "", resolved.document.data, resolved.root, formats)
        self.findings: list[Finding] = []
        self._room = Room()

    def apply(self, rule: Rule, value: Any, path: JSONPath) -> None:
        """Run what a rule does with a node."""
        context = self._context
        context.rule = rule.name
        context.follows_references = rule.resolved
        for then in rule.then:
            check = then.function.check
            if then.field is None:
                context.path = path
                for found in check(value, context) or ():
                    self._found(rule, found, path)
            else:
                for place, target in _targets(value, then):
                    context.path = (*path, *place)
                    for found in check(target, context) or ():
                        self._found(rule, found, (*path, *place))

    def _found(self, rule: Rule, found: str | Violation, path: JSONPath) -> None:
        message = found
        if isinstance(found, Violation):
            message, path = found.message, path if found.path is None else found.path
        assert isinstance(message, str)
        origin = self._origin(rule, path)
        document, place = origin.document, origin.path
        severity = self._ruleset.severity(rule, document.source, place) if self._ruleset.overrides else rule.severity
        if severity is None:
            return
        facts = Facts(
            property_text(place, origin.asked), message, place, _value(document.data, place), rule.description
        )
        facts = attrs.evolve(facts, error=filled(message, facts))
        text = filled(rule.message, facts) if rule.message is not None else rule.description or facts.error
        if not self._room.take(text, place):
            raise _TooManyFindings
        self.findings.append(
            Finding(
                rule.name,
                text.strip(),
                severity,
                place,
                document.range_of(place) or NOWHERE,
                document.source,
                rule.documentation_url,
            )
        )

    def _origin(self, rule: Rule, path: JSONPath) -> Origin:
        document = self._resolved.document
        if not rule.resolved:
            return Origin(document, closest(document.data, path), path)
        origin = self._resolved.origin(path)
        if document.source is None and origin.asked != path:  # nobody could be told in which source that is
            place = closest(self._resolved.root, path)
            return Origin(document, place, place)
        return origin


def _targets(value: Any, then: Then) -> Iterator[tuple[JSONPath, Any]]:
    """The fields of a node that a function is for; the node itself, as nothing, where there are none."""
    field = then.field
    assert field is not None
    if not isinstance(value, dict | list):
        yield (), value
        return
    if field == "@key":
        keys = list(value) if isinstance(value, dict) else [str(number) for number in range(len(value))]
        yield from (((key,), key) for key in keys)
        if not keys:
            yield (), UNDEFINED
        return
    if field.startswith("$"):
        found = find(parse(field), value)
        yield from found
        if not found:
            yield (), UNDEFINED
        return
    place = _field_path(field)
    if isinstance(value, dict) and field in value:
        yield place, value[field]
    else:
        yield place, _value(value, place, UNDEFINED)


_FIELD_PART: Final = re.compile(
    r"""[^.\[\]]+|\[(?:(-?\d+(?:\.\d+)?)|(["'])((?:(?!\2)[^\\]|\\.)*?)\2)\]|(?=(?:\.|\[\])(?:\.|\[\]|$))""", re.DOTALL
)
"""Parts of paths as lodash reads them."""


@lru_cache(maxsize=1024)
def _field_path(field: str) -> JSONPath:
    """``a.b[0]["c.d"]`` as a path."""
    parts = [""] if field.startswith(".") else []
    for found in _FIELD_PART.finditer(field):
        if found[2]:
            parts.append(re.sub(r"\\(.)", r"\1", found[3], flags=re.DOTALL))
        else:
            parts.append(found[1] or found[0])
    return tuple(parts)


def _value(data: Any, path: JSONPath, default: Any = None) -> Any:
    try:
        for part in path:
            data = pointed(data, part)
    except NotThere:
        return default
    return data
