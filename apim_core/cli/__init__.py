"""The command line: one verb, one module. A module has ``add(parsers)``, which adds its parser and sets ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from apim_core.config.problems import ConfigErrors

__all__ = ["VERBS", "main", "parser_of"]

VERBS = ("run", "check", "explain", "plugins", "schema", "new", "docs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a configuration that is refused, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    parsed = _parser([verb for verb in VERBS if verb in given[:1]] or VERBS)[0].parse_args(given)
    try:
        status: int = parsed.run(parsed)
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return status


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb."""
    return _parser([verb])[1].choices[verb]


def _parser(
    verbs: Sequence[str],
) -> tuple[argparse.ArgumentParser, argparse._SubParsersAction[argparse.ArgumentParser]]:
    """A parser that knows these verbs; modules of the others are not imported."""
    parser = argparse.ArgumentParser(prog="apim", description="An API gateway whose every feature is a plugin.")
    parsers = parser.add_subparsers(metavar="VERB", required=True)
    for verb in verbs:
        import_module(f"apim_core.cli.{verb}").add(parsers)
    return parser, parsers
