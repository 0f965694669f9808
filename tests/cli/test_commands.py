"""Verbs that other distributions bring, by entry points of the group ``apim.commands``."""

from __future__ import annotations

from pathlib import Path

import pytest

from apim_core import cli

BROUGHT = """
def add(parsers):
    parser = parsers.add_parser("greet", help="say hello")
    parser.add_argument("name")
    parser.set_defaults(run=lambda arguments: print("hello", arguments.name) or 0)
"""


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with a verb, one that cannot be loaded, and one whose name the core has."""
    (tmp_path / "brought_verb.py").write_text(BROUGHT)
    metadata = tmp_path / "brought-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    points = "greet = brought_verb:add\nbroken = no_such_module:add\ncheck = brought_verb:add\n"
    (metadata / "entry_points.txt").write_text(f"[apim.commands]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("brought")
def test_a_verb_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == cli.main(["greet", "world"])
    assert "hello world\n" == capsys.readouterr().out


@pytest.mark.usefixtures("brought")
def test_the_help_lists_it_after_those_of_the_core(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "say hello" in capsys.readouterr().out
    assert {*cli.VERBS, "broken", "greet", "lint", "simulate"} == set(cli.verbs())


@pytest.mark.usefixtures("brought")
def test_one_that_cannot_be_loaded_says_why_and_leaves_the_others_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == cli.main(["broken", "--at", "all"])
    assert (
        "apim broken: no_such_module:add of brought cannot be loaded: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
    ) == capsys.readouterr().err
    assert 0 == cli.main(["greet", "world"])


@pytest.mark.usefixtures("brought")
def test_a_verb_of_the_core_cannot_be_taken() -> None:
    assert "usage: apim check" in cli.parser_of("check").format_usage()


def test_the_reference_holds_verbs_of_the_distribution_only() -> None:
    assert {*cli.VERBS, "lint", "simulate"} == set(cli.verbs("apim"))
