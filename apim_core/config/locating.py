"""Line and column for problems and for parts of a configuration, each file read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from apim_core.config.positions import find
from apim_core.config.problems import Location, Problem
from apim_core.config.references import SourceRef

__all__ = ["locate", "locate_problems"]

_NO_CONTENTS: Mapping[str, bytes] = MappingProxyType({})


def locate(source: SourceRef) -> Location:
    """Where a part of a configuration begins. Line and column are None when the file can no longer be read."""
    position = find(_content(source.file, _NO_CONTENTS), [source.pointer]).get(source.pointer)
    if position is None:
        return Location(source.file, pointer=source.pointer)
    return Location(source.file, *position.start, source.pointer)


def locate_problems(problems: Iterable[Problem], contents: Mapping[str, bytes] = _NO_CONTENTS) -> list[Problem]:
    """The problems with line and column, in the order of files and lines.

    ``contents`` has the bytes of files that were read before, in their order; others are read now and come last.
    """
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    order = {file: index for index, file in enumerate(contents)}
    located: list[Problem] = []
    for file, inside in sorted(by_file.items(), key=lambda pair: order.get(pair[0], len(order))):
        wanted = {problem.pointer for problem in inside if problem.line is None and problem.pointer}
        found = find(_content(file, contents), wanted) if wanted else {}
        for index, problem in enumerate(inside):
            position = found.get(problem.pointer)
            if position is not None and problem.line is None:
                line, column = position.start if problem.at_key else position.value
                inside[index] = attrs.evolve(problem, line=line, column=column)
        located += sorted(inside, key=lambda problem: (problem.line or 0, problem.column or 0))
    return located


def _content(file: str, contents: Mapping[str, bytes]) -> bytes:
    if file in contents:
        return contents[file]
    try:
        return Path(file).read_bytes() if file else b""
    except OSError:
        return b""
