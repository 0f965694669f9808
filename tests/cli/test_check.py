"""``apim check``: finds what a start would find, and says so to people and to machines."""

from __future__ import annotations

import json
import socket
import textwrap
from pathlib import Path

import pytest

from apim_core.cli import main

GOOD = """\
listen: 127.0.0.1:8080
apis:
  - name: items
    context: /items
    endpoint: {mock: {}}
    plans: [{name: public, authentication: {keyless: {}}}]
    operations: [{match: GET /}, {match: PUT /}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "apim.yaml"
    path.write_text(GOOD)
    return path


def check(file: Path, *options: str) -> int:
    return main(["check", str(file), *options])


def test_a_good_configuration_is_status_0_and_is_summed_up(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == check(file)
    written = capsys.readouterr()
    assert (f"{file}: good: 1 APIs, 2 operations written out\n", "") == (written.out, written.err)


def test_a_good_configuration_is_an_empty_list_for_machines(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == check(file, "--json")
    assert [] == json.loads(capsys.readouterr().out)


def test_every_problem_comes_with_file_line_pointer_and_remedy(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("{mock: {}}", "{mokc: {}}").replace("{keyless: {}}", "{keyless: {x: 1}}"))
    assert 1 == check(file)
    written = capsys.readouterr()
    assert "" == written.out
    assert (
        textwrap.dedent(f"""\
        {file}:5:16: no plugin is named 'mokc'
          at /apis/0/endpoint/mokc
          fix: did you mean 'mock'?
        """)
        in written.err
    )
    assert f"{file}:6:55: the key 'x' is not known here" in written.err
    assert written.err.endswith("\n2 problems\n")


def test_problems_for_machines_are_a_list_of_objects(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("{mock: {}}", "{mokc: {}}"))
    assert 1 == check(file, "--json")
    assert [
        {
            "file": str(file),
            "line": 5,
            "column": 16,
            "pointer": "/apis/0/endpoint/mokc",
            "message": "no plugin is named 'mokc'",
            "hint": "did you mean 'mock'?",
        }
    ] == json.loads(capsys.readouterr().out)


def test_what_only_a_start_finds_is_found(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("{keyless: {}}", "{jwt: {key_manager: main}}"))
    assert 1 == check(file)
    assert f"{file}:6:45: jwt cannot start: no key manager is named 'main'; there are: none" in capsys.readouterr().err


def test_nothing_is_listened_on(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        file.write_text(GOOD.replace("8080", str(taken.getsockname()[1])))
        assert 0 == check(file)


def test_what_may_not_be_meant_is_said_beside_the_result(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("    plans: [{name: public, authentication: {keyless: {}}}]\n", ""))
    assert 0 == check(file)
    assert "API 'items' has no plan: nobody gets in" in capsys.readouterr().err


def test_a_secret_is_not_in_what_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = "applications: [{name: a, keys: [api-key: hush]}, {name: b, keys: [api-key: hush]}]\n"
    file.write_text(GOOD + twice)
    assert 1 == check(file)
    written = capsys.readouterr()
    assert "this api-key is there twice" in written.err
    assert "hush" not in written.err + written.out
