"""The command line as a whole: its verbs, its exit statuses, and how little it imports."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from apim_core import cli

BROKEN = "apis: [{name: a, context: no-slash}]\n"


def test_apim_is_the_command_of_the_distribution() -> None:
    (script,) = [point for point in entry_points(group="console_scripts") if point.name == "apim"]
    assert cli.main is script.load()


def test_without_a_verb_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert 2 == caught.value.code
    assert "usage: apim" in capsys.readouterr().err


def test_an_unknown_verb_comes_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["rnu"])
    assert 2 == caught.value.code
    written = capsys.readouterr().err
    assert all(f"'{word}'" in written for word in ("rnu", *cli.VERBS)), written


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([verb, "--help"])
    assert 0 == caught.value.code
    assert f"usage: apim {verb}" in capsys.readouterr().out


def test_help_lists_every_verb_with_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.split()[:1] == [verb] and len(line.split()) > 3 for line in lines) for verb in cli.VERBS)


@pytest.mark.parametrize("verb", ["check", "explain"])
def test_a_configuration_that_is_refused_is_status_1_with_every_problem(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(BROKEN)
    assert 1 == cli.main([verb, str(file), *(["GET", "/"] if verb == "explain" else [])])
    written = capsys.readouterr()
    assert "" == written.out
    assert f"{file}:1:27: 'no-slash' must begin with '/'" in written.err
    assert written.err.endswith("1 problem\n")


@pytest.mark.parametrize("verb", ["check", "explain", "run"])
def test_a_file_that_is_not_there_is_named(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "nothing.yaml"
    assert 1 == cli.main([verb, str(file), *(["GET", "/"] if verb == "explain" else [])])
    assert str(file) in capsys.readouterr().err


def test_an_interrupt_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("apim_core.cli.plugins._list", interrupt)
    assert 130 == cli.main(["plugins"])


def python(program: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, timeout=60, check=False)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = f"{sys.executable} -c 'import sys; from apim_core.cli import main; sys.exit(main())' schema | head -c 1"
    done = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", program], capture_output=True, timeout=60, check=False)
    assert (0, b"{", b"") == (done.returncode, done.stdout, done.stderr)


def test_a_verb_does_not_import_the_modules_of_others() -> None:
    done = python(
        "import sys; from apim_core.cli import main; main(['plugins'])\n"
        "print(*[name for name in sys.modules if name.startswith('apim_core.cli.')], file=sys.stderr)"
    )
    assert b"apim_core.cli.plugins\n" == done.stderr
