"""``apim check FILE``: everything that a start does but listening, so it finds what a start would find."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

import attrs
from apim_sdk.governance import Judgement

from apim_core.config import ConfigErrors, Configuration, load
from apim_core.gateway import Gateway
from apim_core.logging import configure_logging
from apim_core.registry import Registry

__all__ = ["add"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("check", help="find everything that is wrong with a configuration")
    parser.add_argument("file", help="the configuration, YAML")
    parser.add_argument("--json", action="store_true", help="write the problems as JSON, for machines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; 0 if the gateway would start with it, 1 if not."""
    try:
        configuration = load(arguments.file, find_plugin=Registry().load)
        judgements = asyncio.run(_start_and_stop(configuration))
    except ConfigErrors as errors:
        if not arguments.json:
            raise
        print(json.dumps([problem.to_json() for problem in errors.problems], indent=2))
        return 1
    operations = sum(len(api.operations) for api in configuration.apis)
    if arguments.json:
        print(json.dumps([attrs.asdict(judgement) for judgement in judgements], indent=2))
    else:
        print(f"{arguments.file}: good: {len(configuration.apis)} APIs, {operations} operations written out")
        for line in _remarks(configuration):
            print(f"  {line}", file=sys.stderr)
        for judgement in judgements:
            print(_finding(judgement), file=sys.stderr)
    return 0


async def _start_and_stop(configuration: Configuration) -> tuple[Judgement, ...]:
    """What governance has to say, where nothing is wrong."""
    gateway = Gateway(configure_logging(configuration.log))
    snapshot = await gateway.build(configuration, tell=False)
    await snapshot.stop()
    return snapshot.assembly.judgements


def _finding(judgement: Judgement) -> str:
    place = f"{judgement.source}:{judgement.line}:{judgement.column}"
    return f"{place}: {judgement.severity}: {judgement.message} ({judgement.rule}, policy {judgement.policy!r})"


def _remarks(configuration: Configuration) -> list[str]:
    """What is no mistake, but may not be meant."""
    return [f"API {api.name!r} has no plan: nobody gets in" for api in configuration.apis if not api.plans]
