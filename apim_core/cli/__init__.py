"""The command line: one verb, one module. A module has ``add(parsers)``, which adds its parser and sets ``run``.

Other distributions bring verbs, too: an entry point in the group ``apim.commands`` has the name of the verb and names
such a function. They come after the verbs of the core, whose names they cannot take, and are imported when they are
used or listed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

__all__ = ["GROUP", "VERBS", "main", "parser_of", "verbs"]

GROUP = "apim.commands"
VERBS = ("run", "check", "explain", "plugins", "schema", "new", "docs")
"""The verbs of the core."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a configuration that is refused, 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    verb = given[0] if given and (given[0] in VERBS or given[0] in _points()) else None
    parsed = _parser([verb] if verb else verbs())[0].parse_args(given)
    try:
        status: int = parsed.run(parsed)
    except _refusal() as errors:
        print(errors, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return status


def _refusal() -> type[Exception]:
    """The error of a configuration that is refused; what that needs is not imported where nothing fails."""
    from apim_core.config.problems import ConfigErrors

    return ConfigErrors


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb."""
    return _parser([verb])[1].choices[verb]


def verbs(distribution: str | None = None) -> tuple[str, ...]:
    """The verbs there are: those of the core, and those of plugins, or of the plugins of one distribution."""
    added = (
        name
        for name, point in sorted(_points().items())
        if distribution is None or (point.dist is not None and point.dist.name == distribution)
    )
    return (*VERBS, *added)


def _points() -> dict[str, EntryPoint]:
    """Entry points of verbs that the core does not have, by name."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in VERBS}


def _parser(
    names: Sequence[str],
) -> tuple[argparse.ArgumentParser, argparse._SubParsersAction[argparse.ArgumentParser]]:
    """A parser that knows these verbs; modules of the others are not imported."""
    parser = argparse.ArgumentParser(prog="apim", description="An API gateway whose every feature is a plugin.")
    parsers = parser.add_subparsers(metavar="VERB", required=True)
    for name in names:
        _adder(name)(parsers)
    return parser, parsers


def _adder(verb: str) -> Callable[[Any], None]:
    if verb in VERBS:
        add: Callable[[Any], None] = import_module(f"apim_core.cli.{verb}").add
        return add
    point = _points()[verb]
    try:
        return point.load()  # type: ignore[no-any-return]
    except Exception as error:  # a verb that cannot be used must not take the others with it
        reason = f"{type(error).__name__}: {error}"
        return lambda parsers: _broken(parsers, point, reason)


def _broken(parsers: Any, point: EntryPoint, reason: str) -> None:
    """A verb that says why it cannot be used."""
    owner = point.dist.name if point.dist is not None else "an unknown distribution"

    def run(arguments: argparse.Namespace) -> int:
        print(f"apim {point.name}: {point.value} of {owner} cannot be loaded: {reason}", file=sys.stderr)
        return 1

    no_options = {"add_help": False, "prefix_chars": "\0"}  # whatever follows is taken
    parser = parsers.add_parser(point.name, help=f"(cannot be loaded: {reason})", **no_options)
    parser.add_argument("rest", nargs="*")
    parser.set_defaults(run=run)
