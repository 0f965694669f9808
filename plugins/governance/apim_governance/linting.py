"""One run of the command: which documents by which ruleset, and what is written where."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator

import attrs

from apim_governance.documents.limits import LARGEST
from apim_governance.findings import Finding, Severity, sorted_findings
from apim_governance.formatters import FORMATS, formatted
from apim_governance.formatters.report import Report, RuleFacts
from apim_governance.running import Run, Setting, lint_files
from apim_governance.sources import default_ruleset, expanded, is_url
from apim_governance.telling import Refused, UsageError

__all__ = ["Linting"]

STDIN = "<STDIN>"
"""The source of a document that nobody says anything of."""
_STDOUT = "<stdout>"
_SEVERITIES = {"error": Severity.ERROR, "warn": Severity.WARN, "info": Severity.INFO, "hint": Severity.HINT}
_NO_RULESET = (
    "No ruleset has been found. Please provide a ruleset using the --ruleset CLI argument, "
    "or make sure your ruleset file matches .?spectral.(js|ya?ml|json)"
)
_NO_FILES = "No files found to lint. Please check your file path and extension and try again"


class Linting:
    """What the command line asks for. Raises UsageError if that makes no sense."""

    def __init__(self, arguments: argparse.Namespace, folder: str) -> None:
        self._arguments = arguments
        self._folder = folder
        if arguments.resolver:
            raise UsageError("--resolver takes a module in JavaScript, which is not run here; use --allow-urls")
        self._stdin = not arguments.documents and not arguments.language_server
        if self._stdin and (sys.stdin is None or sys.stdin.isatty()):
            raise UsageError("No documents provided.")
        if self._stdin and arguments.watch:
            raise UsageError("--watch needs documents that are files.")
        self.outputs = self._outputs()
        self.fail_severity = _SEVERITIES[arguments.fail_severity]

    def _outputs(self) -> dict[str, str]:
        """Where each format is written."""
        formats = list(dict.fromkeys(self._arguments.format or ["stylish"]))
        given = vars(self._arguments)
        named = {name: given[f"output.{name}"] for name in FORMATS if given[f"output.{name}"] is not None}
        if self._arguments.output is not None:
            if len(formats) > 1 or named:
                raise UsageError("The number of outputs must match the number of formats")
            return {formats[0]: self._arguments.output}
        if len(formats) > 1 and (not named or len(named) > len(formats)):
            raise UsageError("The number of outputs must match the number of formats")
        return {name: named.get(name, _STDOUT) for name in formats}

    def setting(self) -> Setting:
        """What a run is told. Raises Refused if there is no ruleset."""
        arguments = self._arguments
        ruleset = arguments.ruleset or default_ruleset(self._folder)
        if ruleset is None:
            raise Refused(_NO_RULESET)
        return Setting(
            ruleset,
            arguments.encoding,
            tuple(arguments.allow_folder),
            arguments.allow_urls,
            arguments.allow_private_addresses,
            arguments.ignore_unknown_format,
            arguments.allow_javascript,
        )

    def files(self) -> list[str]:
        """The documents that are files or URLs. Raises Refused if there are none."""
        found, unmatched = expanded(self._arguments.documents)
        if unmatched and self._arguments.fail_on_unmatched_globs:
            raise Refused(f"Unmatched glob patterns: `{','.join(unmatched)}`")
        if not found:
            raise Refused(_NO_FILES)
        return found

    def run(self) -> int:
        """Lint once; the exit status."""
        setting = self.setting()
        names = [] if self._stdin else self.files()
        run = Run(setting)
        self._tell(f"Found {run.known} rules ({len(run.ruleset.rules)} enabled)")
        found: list[Finding] = []
        for findings in self._findings(setting, run, names):
            found += findings
        return self._report(run, sorted_findings(found))

    def _findings(self, setting: Setting, run: Run, names: list[str]) -> Iterator[tuple[Finding, ...]]:
        if self._stdin:
            source = self._arguments.stdin_filepath or STDIN
            if source != STDIN and not is_url(source):
                source = os.path.normpath(source)
                run.sources.allow(os.path.abspath(source))
            self._tell(f"Linting {source}")
            yield run.lint_text(run.sources.decoded(_within(sys.stdin.buffer.read(LARGEST + 1))), source)
            return
        progress = len(names) > 1 and sys.stderr.isatty() and not self._arguments.quiet
        done = 0

        def told(name: str) -> None:
            nonlocal done
            done += 1
            self._tell(f"Linting {name}")
            if progress:
                print(f"\r\x1b[K{done} of {len(names)}: {os.path.relpath(name)}", end="", file=sys.stderr, flush=True)

        yield from lint_files(setting, run, names, told)
        if progress:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _tell(self, text: str) -> None:
        if self._arguments.verbose and not self._arguments.quiet:
            print(text)

    def _report(self, run: Run, findings: tuple[Finding, ...]) -> int:
        failing = [finding for finding in findings if finding.severity <= self.fail_severity]
        shown = failing if self._arguments.display_only_failures else findings
        terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        report = Report(
            shown,
            {name: RuleFacts(rule.description, rule.documentation_url) for name, rule in run.ruleset.rules.items()},
            self.fail_severity,
            self._folder,
            shutil.get_terminal_size().columns if terminal else 80,
            with_urls=self._arguments.show_documentation_url,
        )
        for name, place in self.outputs.items():
            self._write(report, name, place, terminal)
        if not shown and not self._arguments.quiet:
            higher = "" if self.fail_severity is Severity.ERROR else " or higher"
            print(f"No results with a severity of '{self._arguments.fail_severity}'{higher} found!", flush=True)
        return 1 if failing else 0

    def _write(self, report: Report, name: str, place: str, terminal: bool) -> None:
        if place == _STDOUT:
            written = formatted(attrs.evolve(report, colours=terminal), name)
            sys.stdout.write(written if not written or written.endswith("\n") else f"{written}\n")
            sys.stdout.flush()
            return
        with open(place, "w", encoding="utf-8", newline="") as file:
            file.write(formatted(report, name))


def _within(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise Refused(f"Standard input has more than {LARGEST:,} bytes")
    return content
