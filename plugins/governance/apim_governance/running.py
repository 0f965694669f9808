"""A run over documents: one ruleset, compiled once in each process, and many documents."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import attrs

from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import Document, read_document
from apim_governance.findings import Finding
from apim_governance.javascript import scripts
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.model import Ruleset
from apim_governance.rulesets.reading import Rulesets
from apim_governance.sources import Sources, is_url
from apim_governance.web import WebReader

__all__ = ["Run", "Setting", "collect_rarely", "lint_files"]

_WORTH: Final = 4_000_000
"""Bytes of documents from which on another process pays."""


@attrs.frozen
class Setting:
    """What a run is told, apart from the documents."""

    ruleset: str
    encoding: str = "utf8"
    folders: tuple[str, ...] = ()
    """Folders that may be read besides those of documents and the ruleset."""
    urls: bool = False
    private_addresses: bool = False
    ignore_unknown_format: bool = False
    javascript: bool = False
    """Whether functions in JavaScript are run."""


class Run:
    """A ruleset, ready for documents. Raises RulesetError if it cannot be used."""

    def __init__(self, setting: Setting) -> None:
        web = WebReader(setting.private_addresses) if setting.urls else None
        self.sources = Sources(setting.encoding, (os.getcwd(), *setting.folders), web)
        self._ignore_unknown_format = setting.ignore_unknown_format
        self._catalogue = Catalogue()
        name = setting.ruleset
        if self._catalogue.ruleset(name) is None and not is_url(name):
            name = os.path.abspath(name)
            self.sources.allow(name)
        self._definition = Rulesets(self.sources.read, self._catalogue, scripts(setting.javascript)).load(name)
        self._compiler = Compiler(self._definition, self._catalogue)
        self._linters: dict[int, tuple[Ruleset, Linter]] = {}

    @property
    def ruleset(self) -> Ruleset:
        """The rules for documents that no override is for."""
        return self._compiler.ruleset()

    @property
    def known(self) -> int:
        """How many rules there are, those that are off with them."""
        written = (each.written.get("rules") or {} for each in self._definition.lineage())
        return len({name for rules in written for name in rules})

    def lint_file(self, name: str) -> tuple[Finding, ...]:
        """All that is to be said of a file or URL. Raises OSError."""
        self.sources.allow(name)
        return self.lint_text(self.sources.read(name), name)

    def lint_text(self, text: str, source: str | None) -> tuple[Finding, ...]:
        """All that is to be said of a text; ``source`` is where it is from, if anybody knows."""
        return self.lint_document(text, source)[1]

    def lint_document(self, text: str, source: str | None) -> tuple[Document, tuple[Finding, ...]]:
        """The same, with the document."""
        ruleset = self._compiler.ruleset(source)
        known = self._linters.get(id(ruleset))
        if known is None:
            known = self._linters[id(ruleset)] = ruleset, Linter(ruleset, self._ignore_unknown_format)
        document = read_document(text, source, ruleset.parser_options, as_yaml=True)
        return document, known[1].lint(document, self.sources.read)


def lint_files(
    setting: Setting, run: Run, names: Sequence[str], told: Callable[[str], None]
) -> Iterator[tuple[Finding, ...]]:
    """What is found in each file or URL, in order; on as many processes as pay. ``told`` is called with each name."""
    processes = min(len(names), os.cpu_count() or 1)
    if processes < 2 or sum(map(_size, names)) < _WORTH:
        for name in names:
            told(name)
            yield run.lint_file(name)
        return
    with ProcessPoolExecutor(processes, initializer=_begin, initargs=(setting,)) as pool:
        for name, findings in zip(names, pool.map(_lint_file, names), strict=True):
            told(name)
            yield findings


def _size(name: str) -> int:
    return 0 if is_url(name) else os.path.getsize(name)


_process_run: list[Run] = []
"""The run of this process, if it is one of several; put there once, before its first document."""


def collect_rarely() -> None:
    """Let the collector of garbage in circles look seldom: a document is many objects that stay, and there is little.

    Half of the time goes into looking through them otherwise; the memory is the same.
    """
    gc.set_threshold(100_000, 50, 50)


def _begin(setting: Setting) -> None:
    collect_rarely()
    _process_run[:] = [Run(setting)]


def _lint_file(name: str) -> tuple[Finding, ...]:
    return _process_run[0].lint_file(name)
