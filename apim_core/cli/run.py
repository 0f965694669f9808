"""``apim run FILE``: serve."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from apim_core.workers import service

__all__ = ["add"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser(
        "run", help="serve the APIs of a configuration", description="Serve. SIGHUP reloads, SIGTERM drains and ends."
    )
    parser.add_argument("file", type=Path, help="the configuration, YAML")
    parser.add_argument("--workers", type=_workers, metavar="N", help="processes that serve, instead of `workers`")
    parser.add_argument("--watch", action="store_true", help="reload whenever a file of the configuration changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; 1 if it cannot start."""
    return service.run(service.Options(arguments.file, arguments.workers, arguments.watch))


def _workers(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes: write 1 or more")
    return int(text)
