"""``apim run FILE``: serve."""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import Any

import uvloop

from apim_core.config import Configuration, load
from apim_core.gateway import Gateway
from apim_core.logging import configure_logging

__all__ = ["add"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("run", help="serve the APIs of a configuration")
    parser.add_argument("file", help="the configuration, YAML")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    configuration = load(arguments.file)
    uvloop.run(_serve(configuration, arguments.file))
    return 0


async def _serve(configuration: Configuration, file: str) -> None:
    gateway = Gateway(configure_logging(configuration.log))
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    await gateway.start(configuration)
    await done.wait()
    await gateway.drain()
    await gateway.stop()
