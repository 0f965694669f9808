"""What runs functions in JavaScript: ``python -m apim_governance.javascript.process``.

Lines of JSON come on standard input and go on standard output, one for one:

    {"load": name, "source": text}                {"declared": ...}     or {"error": text}
    {"call": name, "message": text}               {"told": [...]}       or {"error": text}

Before it runs anything it gives up what it may do: it opens no file and no socket, starts no process, and has so much
memory and processor time. Each file has a QuickJS context of its own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.resources import files
from typing import Any, Final

import quickjs  # type: ignore[import-untyped]  # it has no types

from apim_governance.javascript.modules import body_of

__all__ = ["MEMORY", "RESULTS", "SECONDS", "main"]

MEMORY: Final = 256 * 1024 * 1024
"""Bytes that one context may have."""
SECONDS: Final = 1
"""Processor time of one call; QuickJS looks at it now and then, the process ends itself a little later."""
RESULTS: Final = 1_000
"""Results of one call that are told."""
_ADDRESSES: Final = 1024 * 1024 * 1024
_STACK: Final = 256 * 1024
_LONGEST_ERROR: Final = 500


def main() -> int:
    """Answer until standard input ends; the exit status."""
    prelude = files("apim_governance.javascript").joinpath("prelude.js").read_text("utf-8")
    _give_up()
    contexts: dict[str, _Context] = {}
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        _bound_time()
        answer: dict[str, Any]
        try:
            if "load" in asked:
                context = contexts[asked["load"]] = _Context(prelude)
                answer = {"declared": context.load(asked["source"])}
            else:
                answer = {"told": contexts[asked["call"]].call(asked["message"])}
        except (quickjs.JSException, quickjs.StackOverflow, MemoryError, ValueError, TypeError) as error:
            answer = {"error": _said(error)}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
    return 0


class _Context:
    """One file, loaded."""

    def __init__(self, prelude: str) -> None:
        self._context = quickjs.Context()
        self._context.set_memory_limit(MEMORY)
        self._context.set_max_stack_size(_STACK)
        self._context.set_time_limit(SECONDS)
        self._context.set("__prelude", self._context.eval(prelude))
        self._context.eval("globalThis.__load = __prelude.load; globalThis.__call = __prelude.call;")
        self._load, self._call = self._context.get("__load"), self._context.get("__call")
        self._context.eval("delete globalThis.__prelude; delete globalThis.__load; delete globalThis.__call;")

    def load(self, source: str) -> Any:
        file = self._context.eval(f"(function (module, exports, require) {{{body_of(source)}\n}})")
        return json.loads(self._load(file, RESULTS))

    def call(self, message: str) -> Any:
        return json.loads(self._call(message))


def _give_up() -> None:
    for what, most in (
        (resource.RLIMIT_AS, _ADDRESSES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_NPROC, 0),
    ):
        most = _within_hard(what, most)
        resource.setrlimit(what, (most, most))


def _bound_time() -> None:
    """End this process if it takes much longer, whether anybody is still there to end it or not."""
    seconds = _within_hard(resource.RLIMIT_CPU, int(time.process_time()) + SECONDS + 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _within_hard(what: int, wanted: int) -> int:
    """A limit that is no more than this process may set: whoever started it may have bounded itself."""
    hard = resource.getrlimit(what)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _said(error: BaseException) -> str:
    """What QuickJS says, without where in its files; in words where a bound was met."""
    text = str(error).partition("\n    at ")[0].strip()
    if "interrupted" in text:
        return f"it takes more than {SECONDS} s"
    if "out of memory" in text or isinstance(error, MemoryError):
        return f"it needs more than {MEMORY // 1024 // 1024} MiB"
    return text[:_LONGEST_ERROR] or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
