"""The command line: one verb, one module. A module has ``add(parsers)``, which adds its parser and sets ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from apim_core.config.problems import ConfigErrors

__all__ = ["VERBS", "main"]

VERBS = ("run", "check", "explain", "plugins", "schema", "new")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a configuration that is refused, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="apim", description="An API gateway whose every feature is a plugin.")
    parsers = parser.add_subparsers(metavar="VERB", required=True)
    given = sys.argv[1:] if arguments is None else arguments
    for verb in [verb for verb in VERBS if verb in given[:1]] or VERBS:  # the others need not be imported
        import_module(f"apim_core.cli.{verb}").add(parsers)
    parsed = parser.parse_args(given)
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
