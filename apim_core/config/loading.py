"""From a file to a checked configuration, or to everything that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from apim_core.config.certificates import Certificates
from apim_core.config.checks import check
from apim_core.config.collecting import collection_paused
from apim_core.config.converting import converter
from apim_core.config.defining import Definitions
from apim_core.config.diagnosis import FindPlugin, diagnose
from apim_core.config.including import Gathered, gather
from apim_core.config.locating import locate_problems
from apim_core.config.model import Configuration
from apim_core.config.problems import ConfigErrors, Problem
from apim_core.config.references import NOWHERE
from apim_core.config.tracing import anchored, trace

__all__ = ["load"]


def load(
    path: str | Path, environment: Mapping[str, str] | None = None, find_plugin: FindPlugin | None = None
) -> Configuration:
    """The configuration in the file ``path`` and all that it includes.

    ``environment`` fills in ``${env:NAME}``; without it, that of the process. Raises ConfigErrors with every problem
    of all files, each with its place. Once there is any, and ``find_plugin`` gives the classes of plugins by name and
    kind, the problems of their settings are among them; else those are left to whoever builds the plugins.
    """
    with collection_paused():
        gathered = gather(Path(path), os.environ if environment is None else environment)
        try:
            configuration = converter().structure(gathered.data, Configuration)
        except Exception as error:
            raise _refusal(gathered, gathered.problems, error, find_plugin) from error
        trace(configuration, gathered.origin)
        definitions = Definitions(gathered.contents)
        certificates = Certificates()
        complete = attrs.evolve(
            configuration,
            listen=tuple(map(anchored, configuration.listen)),
            apis=tuple(map(definitions.complete, configuration.apis)),
            applications=tuple(map(certificates.complete, configuration.applications)),
        )
        problems = [*gathered.problems, *definitions.problems, *certificates.problems, *check(complete)]
        if problems:
            raise _refusal(gathered, problems, None, find_plugin)
        return complete


def _refusal(
    gathered: Gathered, problems: list[Problem], error: Exception | None, find_plugin: FindPlugin | None
) -> ConfigErrors:
    """All problems of the files: those given, and those of the structure that ``error`` stopped at."""
    found = diagnose(gathered.data, Configuration, NOWHERE, error, find_plugin)
    problems = [*problems, *(_at_origin(problem, gathered) for problem in found)]
    return ConfigErrors(locate_problems(problems, gathered.contents))


def _at_origin(problem: Problem, gathered: Gathered) -> Problem:
    source = gathered.origin(problem.pointer)
    return attrs.evolve(problem, file=source.file, pointer=source.pointer)
