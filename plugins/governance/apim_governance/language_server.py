"""``--language-server``: findings in an editor as one types, by the Language Server Protocol 3.17.

The server looks at what the editor shows, saved or not, a moment after the last change; one document at a time, beside
the loop that speaks with the editor.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final
from urllib.parse import unquote, urlsplit

from apim_governance.findings import Finding, Range
from apim_governance.rulesets.reading import RulesetError
from apim_governance.running import Run, Setting
from apim_governance.telling import Refused, error_text

try:
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer
except ImportError:
    raise Refused("The language server needs pygls: install apim[governance-lsp]") from None

__all__ = ["Diagnosing", "serve"]

_PAUSE: Final = 0.25
"""Seconds without a change after which a document is looked at."""


def serve(setting: Setting) -> int:
    """Serve the editor at standard input and output until it goes."""
    server = LanguageServer("apim-lint", "1", text_document_sync_kind=types.TextDocumentSyncKind.Full)
    diagnosing = Diagnosing(server, setting)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(parameters: types.DidOpenTextDocumentParams | types.DidChangeTextDocumentParams) -> None:
        diagnosing.changed(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(parameters: types.DidSaveTextDocumentParams) -> None:
        diagnosing.saved(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(parameters: types.DidCloseTextDocumentParams) -> None:
        diagnosing.closed(parameters.text_document.uri)

    server.start_io()
    return 0


class Diagnosing:
    """Tells an editor what is found in its documents."""

    def __init__(self, server: LanguageServer, setting: Setting) -> None:
        self._server = server
        self._setting = setting
        self._run: Run | None = None
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._one = asyncio.Lock()

    def changed(self, uri: str) -> None:
        """A document was opened, or its text is another."""
        self._forget(uri)
        self._waiting[uri] = asyncio.create_task(self._later(uri))

    def saved(self, uri: str) -> None:
        """A file was written; it may be the ruleset, so that is read again."""
        self._run = None
        self.changed(uri)

    def closed(self, uri: str) -> None:
        """Nobody looks at a document any more."""
        self._forget(uri)
        self._publish(uri, None, [])

    def _forget(self, uri: str) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()

    async def _later(self, uri: str) -> None:
        await asyncio.sleep(_PAUSE)
        async with self._one:
            document = self._server.workspace.get_text_document(uri)
            text, version = document.source, document.version
            diagnostics = await asyncio.to_thread(self._diagnostics, uri, text)
        self._publish(uri, version, diagnostics)

    def _publish(self, uri: str, version: int | None, diagnostics: list[types.Diagnostic]) -> None:
        self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, version))

    def _diagnostics(self, uri: str, text: str) -> list[types.Diagnostic]:
        path = _path(uri)
        try:
            if self._run is None:
                self._run = Run(self._setting)
            self._run.sources.allow(path)
            findings = self._run.lint_text(text, path)
        except (RulesetError, OSError) as error:
            whole = types.Range(types.Position(0, 0), types.Position(0, 0))
            return [types.Diagnostic(whole, error_text(error), types.DiagnosticSeverity.Error, source="apim lint")]
        return [_diagnostic(finding, path) for finding in findings]


def _diagnostic(finding: Finding, path: str) -> types.Diagnostic:
    here = finding.source == path
    url = finding.documentation_url
    return types.Diagnostic(
        range=_range(finding.range) if here else types.Range(types.Position(0, 0), types.Position(0, 0)),
        message=finding.message if here else f"{os.path.relpath(finding.source or '')}: {finding.message}",
        severity=types.DiagnosticSeverity(finding.severity + 1),
        code=finding.code,
        code_description=None if url is None else types.CodeDescription(url),
        source="apim lint",
    )


def _range(found: Range) -> types.Range:
    start, end = found.start, found.end
    return types.Range(types.Position(start.line, start.character), types.Position(end.line, end.character))


def _path(uri: str) -> str:
    """The file of a URI; a document that is not saved yet is one in the working directory."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else os.path.abspath("untitled.yaml")
