"""From a file to a checked configuration, or to everything that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from apim_core.config.checks import check
from apim_core.config.collecting import collection_paused
from apim_core.config.defining import Definitions
from apim_core.config.including import Gathered, gather
from apim_core.config.locating import locate_problems
from apim_core.config.model import Configuration
from apim_core.config.problems import ConfigErrors, Problem
from apim_core.config.structuring import structure
from apim_core.config.tracing import anchored, trace

__all__ = ["load"]


def load(path: str | Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """The configuration in the file ``path`` and all that it includes.

    ``environment`` fills in ``${env:NAME}``; without it, that of the process. Raises ConfigErrors with every problem
    of all files, each with its place.
    """
    with collection_paused():
        gathered = gather(Path(path), os.environ if environment is None else environment)
        configuration = _structure(gathered)
        trace(configuration, gathered.origin)
        definitions = Definitions(gathered.contents)
        complete = attrs.evolve(
            configuration,
            listen=tuple(map(anchored, configuration.listen)),
            apis=tuple(map(definitions.complete, configuration.apis)),
        )
        _refuse([*definitions.problems, *check(complete)], gathered)
        return complete


def _structure(gathered: Gathered) -> Configuration:
    problems = gathered.problems
    try:
        configuration = structure(gathered.data, Configuration)
    except ConfigErrors as errors:
        problems += [_at_origin(problem, gathered) for problem in errors.problems]
    _refuse(problems, gathered)
    return configuration


def _refuse(problems: list[Problem], gathered: Gathered) -> None:
    if problems:
        raise ConfigErrors(locate_problems(problems, gathered.contents))


def _at_origin(problem: Problem, gathered: Gathered) -> Problem:
    source = gathered.origin(problem.pointer)
    return attrs.evolve(problem, file=source.file, pointer=source.pointer)
