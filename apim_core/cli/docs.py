"""``apim docs``: write the generated reference, or check that it is up to date and complete."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["add", "problems"]

FOLDER = Path("docs/reference")


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("docs", help="write the generated reference")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is missing or out of date")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the reference is (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write or check."""
    from apim_core.reference import pages  # it asks every verb for its parser, this one too
    from apim_core.registry import Registry

    wanted = {arguments.folder / page.name: page.text for page in pages(Registry())}
    if arguments.check:
        found = list(problems(arguments.folder, wanted))
        for problem in found:
            print(problem, file=sys.stderr)
        return 1 if found else 0
    for path in _stale(arguments.folder, wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"wrote {len(wanted)} pages to {arguments.folder}")
    return 0


def problems(folder: Path, wanted: dict[Path, str]) -> Iterator[str]:
    """What is wrong with the reference on disk."""
    for path, text in wanted.items():
        if not path.is_file():
            yield f"{path} is missing: run `make docs`"
        elif path.read_text(encoding="utf-8") != text:
            yield f"{path} is out of date: run `make docs`"
    for path in _stale(folder, wanted):
        yield f"{path} describes nothing that is there any more: run `make docs`"


def _stale(folder: Path, wanted: dict[Path, str]) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.*")) if path.is_file() and path not in wanted)
