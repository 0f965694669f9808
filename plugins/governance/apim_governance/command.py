"""``apim lint``: rules over API definitions, on the command line.

Options, exit statuses and what is printed are those of Spectral's command, so that what calls it can call this.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from apim_governance.formatters import FORMATS
from apim_governance.sources import ENCODINGS

__all__ = ["add"]

_LEVELS = ("error", "warn", "info", "hint")
_STATUS = """exit status: 0 nothing at --fail-severity or above was found, 1 something was, or the command is wrong,
2 the ruleset or a document cannot be used"""


def add(parsers: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = parsers.add_parser(
        "lint",
        help="check API definitions by a ruleset, as Spectral does",
        usage="apim lint [DOCUMENT ...] [-r RULESET] [option ...]",
        description="Check API definitions (OpenAPI, AsyncAPI, Arazzo, any JSON or YAML) by a ruleset. A DOCUMENT is "
        "a file, a pattern of files, or a URL; without any, standard input is read.",
        epilog=_STATUS,
    )
    _add_options(parser)
    parse = parser.parse_known_args

    def parse_anywhere(args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        """Documents may stand before, between and behind options."""
        given, behind = _divided(sys.argv[1:] if args is None else list(args))
        parsed, others = parse(given, namespace)
        unknown = [each.lstrip("-") for each in others if _is_option(each)]
        if unknown:
            parser.error(f"Unknown argument{'s' * (len(unknown) > 1)}: {', '.join(unknown)}")
        parsed.documents = others + behind
        return parsed, []

    def refuse(message: str) -> NoReturn:
        parser.print_usage(sys.stderr)
        print(f"\n{message}", file=sys.stderr)
        raise SystemExit(1)  # not argparse's 2, which here says that something cannot be read

    parser.parse_known_args = parse_anywhere  # type: ignore[method-assign,assignment]  # no other way to intermix
    parser.error = refuse  # type: ignore[method-assign]
    parser.set_defaults(run=lambda arguments: run(arguments, parser))


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-r", "--ruleset", metavar="RULESET", help="a file, a URL or a ruleset that is installed, such as spectral:oas")
    add(
        "-f",
        "--format",
        action="append",
        choices=tuple(FORMATS),
        metavar="FORMAT",
        help=f"how findings are written, again for more: {', '.join(FORMATS)} (stylish)",
    )
    add("-o", "--output", metavar="FILE", help="where they are written; for one of several formats: -o.FORMAT FILE")
    for name in FORMATS:
        add(f"-o.{name}", f"--output.{name}", dest=f"output.{name}", metavar="FILE", help=argparse.SUPPRESS)
    add(
        "-F",
        "--fail-severity",
        nargs="?",
        choices=_LEVELS,
        default="error",
        const="error",
        help="what makes the exit status 1 (error)",
    )
    add("-D", "--display-only-failures", action="store_true", help="show only what is at --fail-severity or above")
    add("--ignore-unknown-format", action="store_true", help="say nothing of documents that no rule is for")
    add("--fail-on-unmatched-globs", action="store_true", help="exit with 2 if a pattern fits no file")
    add("--show-documentation-url", action="store_true", help="tell with each finding where its rule is described")
    add("--stdin-filepath", metavar="FILE", help="take standard input for the content of this file")
    add("-e", "--encoding", choices=tuple(ENCODINGS), default="utf8", help="of documents (utf8)")
    add("--allow-urls", action="store_true", help="fetch documents, rulesets and references from the web")
    add("--allow-private-addresses", action="store_true", help="fetch them also from addresses that are not public")
    add("--allow-javascript", action="store_true", help="run the functions in JavaScript that the ruleset has")
    add("--allow-folder", action="append", default=[], metavar="DIR", help="let references lead to files below DIR")
    add("--watch", action="store_true", help="lint again whenever a file changes")
    add("--language-server", action="store_true", help="serve an editor on standard input and output")
    add("--resolver", help=argparse.SUPPRESS)
    add("-v", "--verbose", action="store_true", help="say more")
    add("-q", "--quiet", action="store_true", help="write findings, and nothing besides")


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before ``--``, and what stands behind it."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and argument != "-"


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Lint; the exit status."""
    from apim_governance.linting import Linting
    from apim_governance.rulesets.reading import RulesetError
    from apim_governance.running import collect_rarely
    from apim_governance.telling import Refused, UsageError

    collect_rarely()
    try:
        linting = Linting(arguments, os.getcwd())
        if arguments.language_server:
            from apim_governance.language_server import serve

            return serve(linting.setting())
        if arguments.watch:
            from apim_governance.watching import watch

            return watch(linting)
        return linting.run()
    except UsageError as error:
        parser.error(str(error))
    except Refused as error:
        print(error, file=sys.stderr)
    except (RulesetError, OSError) as error:
        _tell(error, arguments.verbose)
    return 2


def _tell(error: Exception, verbose: bool) -> None:
    from apim_governance.rulesets.reading import RulesetError
    from apim_governance.telling import error_text, problem_text

    texts: Sequence[str]
    texts = [problem_text(each) for each in error.problems] if isinstance(error, RulesetError) else [error_text(error)]
    print("Error running Spectral!", file=sys.stderr)
    if not verbose:
        print("Use --verbose flag to print the error stack.", file=sys.stderr)
    for number, text in enumerate(texts, 1):
        print(f"Error #{number}: {text}", file=sys.stderr)
    if verbose:
        import traceback

        traceback.print_exception(error)
