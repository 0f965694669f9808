"""A document: its text, its data, and where each part of the data stands in the text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import takewhile
from typing import Any, Literal

import attrs
from apim_sdk.governance import JSONPath

from apim_governance.documents.json_text import Duplicate, JSONError, JSONPositions, read_json
from apim_governance.documents.limits import Room
from apim_governance.documents.lines import Lines
from apim_governance.documents.yaml_text import YAMLError, YAMLText
from apim_governance.findings import Finding, Range, Severity

__all__ = ["Document", "ParserOptions", "read_document"]

Level = Literal["error", "warn", "info", "hint", "off"]
_SEVERITIES = {"error": Severity.ERROR, "warn": Severity.WARN, "info": Severity.INFO, "hint": Severity.HINT}
_Problem = tuple[JSONPath, tuple[int, int], str]
PARSER = "parser"
"""The code of what is found when a document is read."""


@attrs.frozen
class ParserOptions:
    """How much it matters what a text has that data cannot have: names twice, names that are no texts."""

    duplicate_keys: Level = "error"
    incompatible_values: Level = "error"


class _Nowhere:
    """Positions in a text that has no structure."""

    values = 0

    def span(self, path: JSONPath, closest: bool) -> tuple[int, int] | None:
        """The start of the text, where all would be."""
        return (0, 0) if closest or not path else None


class Document:
    """A document that has been read; nothing of it changes.

    ``source`` is its file or URL, ``data`` made of mappings with texts as names, lists, texts, numbers, booleans and
    None (null); None where the text could not be read at all. ``problems`` is what was wrong with the text, ``values``
    how many names and values it has, roughly.
    """

    def __init__(
        self, text: str, source: str | None, data: Any, spans: YAMLText | _Nowhere | None = None, as_yaml: bool = False
    ) -> None:
        self.text = text
        self.source = source
        self.data = data
        self.problems: tuple[Finding, ...] = ()
        self.values = 0 if spans is None else spans.values
        self._spans = spans
        self._as_yaml = as_yaml

    @cached_property
    def lines(self) -> Lines:
        """Where its lines begin."""
        return Lines(self.text)

    @cached_property
    def _positions(self) -> JSONPositions | YAMLText | _Nowhere:
        return JSONPositions(self.text, self._as_yaml) if self._spans is None else self._spans

    def range_of(self, path: JSONPath, closest: bool = True) -> Range | None:
        """Where the value at a path stands; with ``closest``, if it is not there, that of its closest holder."""
        span = self._positions.span(path, closest)
        return None if span is None else self.range(span)

    def range(self, span: tuple[int, int]) -> Range:
        """Offsets as positions."""
        return Range(self.lines.position(span[0]), self.lines.position(span[1]))

    @property
    def whole(self) -> Range:
        """All of it."""
        return self.range((0, len(self.text)))


def read_document(
    text: str, source: str | None = None, options: ParserOptions | None = None, *, as_yaml: bool = False
) -> Document:
    """Read JSON or YAML. It never fails: a text that is neither becomes a document whose ``problems`` say so.

    ``as_yaml`` tells where things stand in JSON as in YAML, as Spectral's command does.
    """
    options = options or ParserOptions()
    text = text.removeprefix("\ufeff")
    looks_like_json = text.lstrip()[:1] in ("{", "[")
    try:
        data, twice, values = read_json(text)
    except JSONError as error:
        if looks_like_json and source is not None and source.endswith(".json"):
            return _unreadable(text, source, error.reason, error.offset)
        return _read_yaml(text, source, options)
    document = Document(text, source, data, as_yaml=as_yaml)
    document.values = values
    if twice:
        positions = document._positions
        assert isinstance(positions, JSONPositions)
        document.problems = _problems(document, map(_twice, positions.duplicates()), options.duplicate_keys)
    return document


def _read_yaml(text: str, source: str | None, options: ParserOptions) -> Document:
    try:
        read = YAMLText(text)
    except YAMLError as error:
        return _unreadable(text, source, error.reason, error.offset)
    document = Document(text, source, read.data, read)
    document.problems = (
        *_problems(document, map(_twice, read.duplicates), options.duplicate_keys),
        *_problems(document, read.incompatible, options.incompatible_values),
    )
    return document


def _unreadable(text: str, source: str | None, reason: str, offset: int) -> Document:
    document = Document(text, source, None, _Nowhere())
    place = document.range((min(offset, len(text)), min(offset + 1, len(text))))
    document.problems = (Finding(PARSER, reason, Severity.ERROR, (), place, source),)
    return document


def _twice(found: Duplicate) -> _Problem:
    path, span = found
    return path, span, f"Duplicate key: {path[-1]}"


def _problems(document: Document, found: Iterable[_Problem], level: Level) -> tuple[Finding, ...]:
    if level == "off":
        return ()
    severity = _SEVERITIES[level]
    room = Room()
    return tuple(
        Finding(PARSER, message, severity, path, document.range(span), document.source)
        for path, span, message in takewhile(lambda each: room.take(each[2], each[0]), found)
    )
