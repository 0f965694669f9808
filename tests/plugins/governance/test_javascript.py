"""Functions in JavaScript on the command line and in a gateway, as the guide says; and where they are not allowed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apim_governance.javascript import scripts
from support.gateway import run, serving
from support.governed import OPENAPI, ask, governed
from support.processes import eventually, running

from apim_core.config import ConfigErrors

APIM = Path(sys.executable).with_name("apim")
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "governance"
LONG = OPENAPI.replace("Orders", "Orders of all our shops")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the guide, with a document."""
    text = (GUIDE / "writing-functions.md").read_text()
    section = text[text.index("## In JavaScript") :]
    for name, content in re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', section, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "openapi.yaml").write_text(LONG)
    return tmp_path


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [APIM, "lint", "openapi.yaml", "--ruleset", "ours.yaml", "-f", "json", *arguments]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=60)


def test_the_function_of_the_guide_finds_what_it_says(folder: Path) -> None:
    told: Any = json.loads(lint(folder, "--allow-javascript").stdout.partition("\nNo results")[0])
    assert [("short-title", "title has 5 words", ["info", "title"])] == [
        (each["code"], each["message"], each["path"]) for each in told
    ]


def test_the_configuration_of_the_guide_is_good(folder: Path) -> None:
    check = [APIM, "check", "apim.yaml"]
    assert 0 == subprocess.run(check, cwd=folder, timeout=60).returncode
    (folder / "functions" / "few-words.js").unlink()
    assert 1 == subprocess.run(check, cwd=folder, timeout=60, capture_output=True).returncode


def test_without_the_switch_it_is_refused_with_what_to_do(folder: Path) -> None:
    refused = lint(folder)
    assert 2 == refused.returncode
    assert "ours.yaml:6:22" in refused.stderr
    for advice in ("--allow-javascript", "javascript: true of the governor", "in Python"):
        assert advice in refused.stderr


def test_a_function_that_fails_ends_the_command(folder: Path) -> None:
    (folder / "functions" / "few-words.js").write_text("export default () => { throw new Error('no good'); };")
    failed = lint(folder, "--allow-javascript")
    assert (2, True) == (
        failed.returncode,
        'few-words.js:1:1 — Function "few-words" threw an exception' in failed.stderr,
    )


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "quickjs", None)
    loader = scripts(True)
    assert loader is not None
    with pytest.raises(ValueError, match=re.escape("pip install 'apim[governance-javascript]'")):
        loader.load("f", "f.js", "export default () => []")


def test_a_governor_runs_them_where_its_setting_says_so(folder: Path) -> None:
    (folder / "ours.yaml").write_text(
        "functions: [named]\nrules:\n  named: {given: $.name, severity: error, then: {function: named}}\n"
    )
    (folder / "functions" / "named.js").write_text("module.exports = (name) => [{ message: `${name} is no name` }];")
    text = governed("rulesets: {ours: ours.yaml}\njavascript: true", "ours").replace("type: notify", "type: block", 1)

    async def refused(text: str) -> list[str]:
        with pytest.raises(ConfigErrors) as caught:
            async with serving(text, folder):
                raise AssertionError("it must not serve")
        return [problem.message for problem in caught.value.problems]

    told = run(refused(text))
    assert any("orders is no name (named)" in message for message in told)
    (message,) = run(refused(text.replace("javascript: true", "javascript: false")))
    assert "governance cannot judge the APIs" in message
    assert "javascript: true of the governor" in message


def test_a_posted_document_is_judged_by_them_too(folder: Path) -> None:
    text = governed("rulesets: {ours: ours.yaml}\njavascript: true", "ours")
    with running(folder, text) as gateway:
        status, report = ask(gateway, "lint?ruleset=ours", LONG)
        assert (200, ["title has 5 words"]) == (
            status,
            [each["message"] for each in report["assets"][0]["diagnostics"]],
        )


def test_a_function_that_hangs_refuses_the_document_or_the_configuration_and_others_are_served(folder: Path) -> None:
    hangs = "export default (input) => { if (input.includes('hang')) new Array(2 ** 32 - 1).join(''); };"
    (folder / "functions" / "few-words.js").write_text(hangs)
    (folder / "ours.yaml").write_text(
        "functions: [few-words]\nrules:\n  f: {given: ['$.info.title', $.description], then: {function: few-words}}\n"
    )
    text = governed("rulesets: {ours: ours.yaml}\njavascript: true\nlint: {timeout: 20s}", "ours")
    with running(folder, text) as gateway:
        status, error = ask(gateway, "lint?ruleset=ours", OPENAPI.replace("Orders", "hang"))
        assert (422, True) == (status, 'Function "few-words" threw an exception: it was ended' in error["description"])
        gateway.configure(text.replace("description: Orders", "description: hang"))
        gateway.signal(signal.SIGHUP)
        eventually(lambda: "threw an exception" in gateway.output, "the new configuration is refused")
        assert 200 == gateway.get("/open/2/x")[0]
        assert 200 == ask(gateway, "scoring/overview")[0]
