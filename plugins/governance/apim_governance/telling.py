"""What the command says when it cannot do what it is told."""

from __future__ import annotations

import errno

from apim_governance.documents.document import read_document
from apim_governance.rulesets.reading import Problem

__all__ = ["Refused", "UsageError", "error_text", "problem_text"]


class UsageError(Exception):
    """The command line asks for something that is not there."""


class Refused(Exception):
    """There is nothing to do as told; the text says what is missing."""


def error_text(error: BaseException) -> str:
    """An error in words; a missing file in those of Spectral."""
    if isinstance(error, OSError) and error.errno == errno.ENOENT:
        return f"ENOENT: no such file or directory, open '{error.filename}'"
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return error.strerror
    return str(error)


def problem_text(problem: Problem) -> str:
    """A problem of a ruleset, with the line and the column where it shows."""
    source = problem.source
    if source is None:
        return problem.message
    place = _place(source, problem)
    return f"{source}{place} — {problem.message}"


def _place(source: str, problem: Problem) -> str:
    try:
        with open(source, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return " at " + "/".join(map(str, problem.path)) if problem.path else ""
    found = read_document(text, source, as_yaml=True).range_of(problem.path)
    return "" if found is None else f":{found.start.line + 1}:{found.start.character + 1}"
