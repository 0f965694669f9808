"""Lints documents that somebody posts: each in a process of its own, bounded in time and memory, so that a document
that costs much costs the gateway nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from apim_sdk.resources import ResourceError

from apim_governance.limits import PostedLimits

__all__ = ["OUT_OF_MEMORY", "UNUSABLE", "KnownRulesets", "PostedLinter"]

_COMMAND: Final = (sys.executable, "-P", "-m", "apim_governance.posted_process")
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")
_TOO_COSTLY: Final = "The document costs too much"
_MOST_TOLD: Final = 2_000
"""Bytes of what a process that failed said last, which go to the log."""
OUT_OF_MEMORY: Final = 3
"""The exit status of a process that needs more memory than it may have."""
UNUSABLE: Final = 4
"""That of one in which a function failed; it writes why in place of the report."""


@attrs.frozen
class KnownRulesets:
    """What a process needs beside the document: ``texts`` are the files of rulesets as they were read."""

    places: Mapping[str, str]
    """The file of each ruleset, or its name, where it is a plugin."""
    texts: Mapping[str, str] = attrs.field(repr=False)
    javascript: bool = False


class PostedLinter:
    """Runs the processes; at most ``limits.at_once`` at a time. Belongs to one event loop."""

    def __init__(self, known: KnownRulesets, limits: PostedLimits) -> None:
        self._known = known
        self._limits = limits
        self._running: set[asyncio.subprocess.Process] = set()
        self._open = 0

    async def lint(self, content: bytes, rulesets: Sequence[str]) -> dict[str, Any]:
        """The report on a document, by rulesets that are known. Raises ResourceError, OSError where no process runs."""
        limits = self._limits
        if len(content) > limits.size:
            raise ResourceError(413, "Too large", f"A document may have at most {int(limits.size)} bytes")
        if self._open >= limits.at_once:
            raise ResourceError(503, "Busy", f"{limits.at_once} documents are linted at a time: try again")
        self._open += 1
        try:
            return await self._run(content, rulesets)
        finally:
            self._open -= 1

    async def _run(self, content: bytes, rulesets: Sequence[str]) -> dict[str, Any]:
        known, limits = self._known, self._limits
        head = {
            "rulesets": {name: known.places[name] for name in rulesets},
            "texts": dict(known.texts),
            "javascript": known.javascript,
            "memory": int(limits.memory),
            "seconds": float(limits.timeout),
        }
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
        )
        self._running.add(process)
        try:
            async with asyncio.timeout(float(limits.timeout)):
                told, trouble = await process.communicate(json.dumps(head).encode() + b"\n" + content)
        except TimeoutError:
            seconds = float(limits.timeout)
            raise ResourceError(422, _TOO_COSTLY, f"Linting it takes more than {seconds:g} seconds") from None
        finally:
            self._running.discard(process)
            await _ended(process)
        status = await process.wait()
        if status == OUT_OF_MEMORY or status < 0:
            text = f"Linting it needs more than {limits.memory} of memory, or it was stopped"
            raise ResourceError(422, _TOO_COSTLY, text)
        if status == UNUSABLE:
            raise ResourceError(422, "It cannot be linted", told.decode("utf-8", "replace"))
        if status:
            raise RuntimeError(f"the process that lints failed: {trouble[-_MOST_TOLD:].decode('utf-8', 'replace')}")
        answer: dict[str, Any] = json.loads(told)
        return answer

    def stop(self) -> None:
        """End what runs."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """See that a process is gone, whatever became of it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    """What the process may know of the environment, in which there are secrets."""
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
