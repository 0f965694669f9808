"""``apim lint --watch``: a process that tells anew what is found whenever a file changes, until somebody ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

APIM = Path(sys.executable).with_name("apim")
RULESET = "rules: {titled: {given: $, severity: error, then: {field: title, function: truthy}}}\n"
GOOD, BAD = "title: a\n", "name: a\n"
NOTHING = "No results with a severity of 'error' found!"
BAD_LINE = 'bad.yaml:1:1 error titled ""title" property must be truthy"'


class Watching:
    """The process, and what it prints; every wait for a line ends with the time of the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """The next line that is not empty. Fails where there is no more."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip():
                return line.strip().removeprefix("/")
        raise AssertionError(f"it ended with {self._process.wait()}")

    def end(self) -> int:
        """Interrupt it, as Ctrl-C does; its exit status."""
        self._process.send_signal(signal.SIGINT)
        assert self._process.stdout is not None
        rest = self._process.stdout.read()
        assert "Traceback" not in rest, rest
        return self._process.wait(30)


@contextmanager
def watching(folder: Path, *arguments: str) -> Iterator[Watching]:
    command = [APIM, "lint", *arguments, "--watch", "-f", "text"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Watching(process)
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".spectral.yaml").write_text(RULESET)
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "good.yaml").write_text(GOOD)
    return tmp_path


def replace(path: Path, text: str) -> None:
    """Write as editors do: the file is there with all of its text, or with the old one."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def test_what_changes_is_linted_again(folder: Path) -> None:
    with watching(folder, "api/*.yaml") as watched:
        assert NOTHING == watched.line()
        replace(folder / "api" / "bad.yaml", BAD)
        assert watched.line().endswith(BAD_LINE)
        replace(folder / "api" / "bad.yaml", GOOD)
        assert NOTHING == watched.line()
        assert 0 == watched.end()


def test_the_exit_status_is_that_of_the_last_run(folder: Path) -> None:
    replace(folder / "api" / "bad.yaml", BAD)
    with watching(folder, "api/*.yaml") as watched:
        assert watched.line().endswith(BAD_LINE)
        assert 1 == watched.end()


def test_a_file_that_is_removed_is_told_of_no_more(folder: Path) -> None:
    replace(folder / "api" / "bad.yaml", BAD)
    with watching(folder, "api/*.yaml") as watched:
        assert watched.line().endswith(BAD_LINE)
        (folder / "api" / "bad.yaml").unlink()
        assert NOTHING == watched.line()
        assert 0 == watched.end()


def test_without_any_file_it_waits_for_one(folder: Path) -> None:
    with watching(folder, "api/*.yaml") as watched:
        assert NOTHING == watched.line()
        (folder / "api" / "good.yaml").unlink()
        assert watched.line().startswith("No files found to lint.")
        replace(folder / "api" / "bad.yaml", BAD)
        assert watched.line().endswith(BAD_LINE)
        assert 1 == watched.end()


def test_a_ruleset_that_cannot_be_used_may_be_mended(folder: Path) -> None:
    with watching(folder, "api/*.yaml") as watched:
        assert NOTHING == watched.line()
        replace(folder / ".spectral.yaml", "rules: {titled: {given: $, then: {function: nothing}}}\n")
        assert "nothing" in watched.line()
        replace(folder / ".spectral.yaml", RULESET)
        while (line := watched.line()) != NOTHING:
            assert "nothing" in line
        assert 0 == watched.end()


def test_what_it_writes_itself_does_not_start_it_again(folder: Path) -> None:
    with watching(
        folder, "api/good.yaml", "-f", "json", "-o.json", "api/found.json", "-o.text", "api/found.txt"
    ) as watched:
        assert NOTHING == watched.line()
        replace(folder / "api" / "good.yaml", BAD)
        replace(folder / "api" / "good.yaml", GOOD)
        assert NOTHING == watched.line()
        assert 0 == watched.end()
    assert [] == json.loads((folder / "api" / "found.json").read_text())
