"""``apim lint``: exit statuses, outputs, what is read and what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from apim_governance.documents.limits import LARGEST
from apim_governance.formatters import FORMATS
from apim_governance.sources import Sources, expanded
from apim_governance.web import WebReader

APIM = Path(sys.executable).with_name("apim")
RULESET = """
rules:
  titled: {given: $, severity: error, then: {field: title, function: truthy}}
  short: {given: $.name, severity: hint, then: {function: length, functionOptions: {max: 2}}}
"""


def lint(folder: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [APIM, "lint", *arguments], cwd=folder, text=True, capture_output=True, input=stdin, timeout=60
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".spectral.yaml").write_text(RULESET)
    (tmp_path / "good.yaml").write_text("title: yes\nname: ab\n")
    (tmp_path / "long.yaml").write_text("title: yes\nname: abc\n")
    (tmp_path / "bad.yaml").write_text("name: ab\n")
    return tmp_path


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (0, ["good.yaml"]),
        (0, ["long.yaml"]),
        (1, ["long.yaml", "--fail-severity", "hint"]),
        (1, ["bad.yaml"]),
        (2, ["missing.yaml"]),
        (0, ["good.yaml", "missing.yaml"]),
        (2, ["good.yaml", "missing.yaml", "--fail-on-unmatched-globs"]),
        (2, ["good.yaml", "-r", "missing.yaml"]),
        (1, ["good.yaml", "--no-such-option"]),
        (1, ["good.yaml", "-f", "json", "-f", "text"]),
    ],
)
def test_the_exit_status_tells_what_came_of_it(status: int, arguments: list[str], folder: Path) -> None:
    assert status == lint(folder, *arguments).returncode


def test_without_a_ruleset_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("a: 1")
    run = lint(tmp_path, "good.yaml")

    assert (2, True) == (run.returncode, "--ruleset" in run.stderr)


def test_each_format_may_have_a_file_of_its_own(folder: Path) -> None:
    run = lint(folder, "bad.yaml", "-f", "json", "-o.json", "a.json", "-f", "text", "-o.text", "a.txt")

    assert (1, "") == (run.returncode, run.stdout)
    assert ["titled"] == [finding["code"] for finding in json.loads((folder / "a.json").read_text())]
    assert f'{folder}/bad.yaml:1:1 error titled ""title" property must be truthy"' == (folder / "a.txt").read_text()


def test_only_failures_are_shown_where_that_is_asked_for(folder: Path) -> None:
    run = lint(folder, "long.yaml", "bad.yaml", "-D", "-f", "json")

    assert ["titled"] == [finding["code"] for finding in json.loads(run.stdout)]


def test_a_ruleset_is_refused_with_every_problem_and_its_place(folder: Path) -> None:
    (folder / "wrong.yaml").write_text("rules:\n  a: {given: $, then: {function: nothing}}\n  b: off\n")
    run = lint(folder, "good.yaml", "-r", "wrong.yaml")

    assert 2 == run.returncode
    assert f"{folder}/wrong.yaml:2:34 — " in run.stderr
    assert f"{folder}/wrong.yaml:3:6 — " in run.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_findings_and_their_absence(name: str, folder: Path) -> None:
    found, none = (lint(folder, document, "-f", name, "-q") for document in ("bad.yaml", "good.yaml"))

    assert (1, 0) == (found.returncode, none.returncode)
    assert "titled" in found.stdout or name == "html"
    assert found.stdout != none.stdout


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("v1/api.yaml", "v1/api.yaml"),
        ("./v1/../v1/api.yaml", "v1/api.yaml"),
        ("{folder}/v1/api.yaml", "{folder}/v1/api.yaml"),
        ("https://api.example/v1/api.yaml", "https://api.example/v1/api.yaml"),
    ],
)
def test_standard_input_is_told_as_the_file_that_it_is_said_to_be(folder: Path, given: str, source: str) -> None:
    run = lint(folder, "--stdin-filepath", given.format(folder=folder), "-f", "json", stdin="a: 1\n")

    assert {source.format(folder=folder)} == {finding["source"] for finding in json.loads(run.stdout)}


def test_standard_input_refers_to_what_lies_beside_the_file_that_it_is_said_to_be(folder: Path) -> None:
    (folder / "v1").mkdir()
    (folder / "v1/there.yaml").write_text("a: 1\n")
    text = "title: t\na: {$ref: there.yaml}\nb: {$ref: none.yaml}\n"

    run = lint(folder, "--stdin-filepath", "v1/api.yaml", "-f", "json", stdin=text)

    assert ["ENOENT: no such file or directory, open 'v1/none.yaml'"] == [
        finding["message"] for finding in json.loads(run.stdout)
    ]


@pytest.mark.parametrize("option", ["-F", "--fail-severity"])
def test_what_fails_without_a_severity_is_an_error(folder: Path, option: str) -> None:
    (folder / ".spectral.yaml").write_text(RULESET.replace("error", "warn"))
    plain, without = lint(folder, "bad.yaml"), lint(folder, "bad.yaml", option)

    assert (plain.returncode, plain.stdout) == (without.returncode, without.stdout)


def test_a_reference_does_not_lead_out_of_the_folders_that_were_named(folder: Path) -> None:
    inside = folder / "api"
    inside.mkdir()
    (inside / ".spectral.yaml").write_text(RULESET)
    (inside / "api.yaml").write_text("title: t\na: {$ref: ../good.yaml}\n")
    refused, allowed = lint(inside, "api.yaml"), lint(inside, "api.yaml", "--allow-folder", "..")

    assert (1, True) == (refused.returncode, "--allow-folder" in refused.stdout)
    assert 0 == allowed.returncode


def test_nothing_is_fetched_unless_it_is_allowed(folder: Path) -> None:
    run = lint(folder, "http://127.0.0.1:1/api.yaml")

    assert (2, True) == (run.returncode, "--allow-urls" in run.stderr)


def test_private_addresses_are_refused_even_where_urls_are_allowed(folder: Path) -> None:
    run = lint(folder, "http://localhost:1/api.yaml", "--allow-urls")

    assert (2, True) == (run.returncode, "--allow-private-addresses" in run.stderr)


def test_an_answer_that_is_too_large_is_refused() -> None:
    import http.server

    class Large(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is that of the library
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 2_000)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Large) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(OSError, match="more than 1,000 bytes"):
            WebReader(private=True, largest=1_000).read(f"http://127.0.0.1:{server.server_port}/")
        thread.join()


def test_standard_input_that_is_too_large_is_refused(folder: Path) -> None:
    run = lint(folder, stdin=" " * (LARGEST + 1))

    assert (2, "Standard input has more than 67,108,864 bytes\n") == (run.returncode, run.stderr)


def test_what_is_printed_ends_with_a_line(folder: Path) -> None:
    assert lint(folder, "bad.yaml", "-f", "text").stdout.endswith('truthy"\n')


def test_patterns_have_braces_and_exclusions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert [str(folder / "bad.yaml"), str(folder / "good.yaml")] == expanded(["{good,bad,long}.yaml", "!long.yaml"])[0]
    assert ["*.json"] == expanded(["*.json"])[1]


def test_a_link_does_not_lead_out_of_a_folder(folder: Path) -> None:
    inside = folder / "api"
    inside.mkdir()
    (inside / "link.yaml").symlink_to(folder / "good.yaml")

    with pytest.raises(PermissionError):
        Sources(folders=[str(inside)]).read(str(inside / "link.yaml"))


@pytest.mark.parametrize("form", ["stylish", "pretty", "json", "junit", "sarif", "teamcity", "text"])
def test_where_a_rule_is_described_is_told_where_that_is_asked_for(form: str, folder: Path) -> None:
    (folder / ".spectral.yaml").write_text(f"documentationUrl: https://x.example/r\n{RULESET}")

    with_url = lint(folder, "bad.yaml", "-f", form, "--show-documentation-url").stdout
    without = lint(folder, "bad.yaml", "-f", form).stdout

    assert with_url.count("https:/") > without.count("https:/")
