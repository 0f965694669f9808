"""The language server, spoken to over its standard input and output as an editor does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

APIM = Path(sys.executable).with_name("apim")
RULESET = "rules: {titled: {given: $, severity: error, then: {field: title, function: truthy}}}"


class Editor:
    """A client that waits for what it asks for."""

    def __init__(self, folder: Path) -> None:
        self._server = subprocess.Popen(
            [APIM, "lint", "--language-server"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._number = 0

    def ask(self, method: str, parameters: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        while (message := self._next()).get("id") != self._number:
            pass
        return message["result"]

    def tell(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def diagnostics(self) -> list[dict[str, Any]]:
        while (message := self._next()).get("method") != "textDocument/publishDiagnostics":
            pass
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def leave(self) -> int:
        self.ask("shutdown", None)
        self.tell("exit", None)
        with self._server:
            self._server.wait(30)
        return self._server.returncode

    def _send(self, message: dict[str, Any]) -> None:
        assert self._server.stdin is not None
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._server.stdin.flush()

    def _next(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        length = 0
        while (line := self._server.stdout.readline().strip()) or not length:
            assert self._server.poll() is None, "the server has ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._server.stdout.read(length))
        return message


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    (tmp_path / ".spectral.yaml").write_text(RULESET)
    editor = Editor(tmp_path)
    editor.ask("initialize", {"processId": None, "rootUri": tmp_path.as_uri(), "capabilities": {}})
    editor.tell("initialized", {})
    yield editor
    assert editor.leave() == 0


def test_an_editor_is_told_what_is_found_in_text_that_is_not_saved(editor: Editor, tmp_path: Path) -> None:
    document = {"uri": (tmp_path / "api.yaml").as_uri(), "version": 1}
    editor.tell("textDocument/didOpen", {"textDocument": {**document, "languageId": "yaml", "text": "a: 1\n"}})

    assert [("titled", 1, {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 4}})] == [
        (found["code"], found["severity"], found["range"]) for found in editor.diagnostics()
    ]

    editor.tell(
        "textDocument/didChange",
        {"textDocument": {**document, "version": 2}, "contentChanges": [{"text": "title: yes\n"}]},
    )

    assert [] == editor.diagnostics()


def test_many_changes_in_a_moment_are_looked_at_once(editor: Editor, tmp_path: Path) -> None:
    document = {"uri": (tmp_path / "api.yaml").as_uri(), "version": 1}
    editor.tell("textDocument/didOpen", {"textDocument": {**document, "languageId": "yaml", "text": "a: 1\n"}})
    for version in range(2, 30):
        editor.tell(
            "textDocument/didChange",
            {"textDocument": {**document, "version": version}, "contentChanges": [{"text": f"a: {version}\n"}]},
        )
    editor.tell(
        "textDocument/didChange",
        {"textDocument": {**document, "version": 30}, "contentChanges": [{"text": "title: t\n"}]},
    )

    assert [] == editor.diagnostics()


def test_a_ruleset_that_cannot_be_used_is_told_in_the_document(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / ".spectral.yaml").write_text("rules: 1")
    document = {"uri": (tmp_path / "api.yaml").as_uri(), "version": 1}
    editor.tell("textDocument/didOpen", {"textDocument": {**document, "languageId": "yaml", "text": "a: 1\n"}})

    assert "rules" in editor.diagnostics()[0]["message"]
