"""The process that runs functions in JavaScript, from our side: asked one thing at a time, and ended when it hangs."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from typing import Any, Final

__all__ = ["LARGEST", "Engine", "EngineError", "available"]

LARGEST: Final = 1024 * 1024
"""Bytes that the file of a function may have."""
_COMMAND: Final = (sys.executable, "-P", "-m", "apim_governance.javascript.process")
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")
_LONGEST_CALL: Final = 5.0
"""Seconds until a process that does not answer is ended; it bounds the processor time of a call by itself, to less."""
_LONGEST_START: Final = 20.0
_LONGEST_RUN: Final = 30.0
"""Seconds that all calls for one document may take together."""
_LARGEST_ANSWER: Final = 8 * 1024 * 1024
_CHUNK: Final = 65_536


def available() -> bool:
    """Whether QuickJS is installed."""
    return importlib.util.find_spec("quickjs") is not None


class EngineError(Exception):
    """Why a function in JavaScript gave no answer."""


class Engine:
    """Starts the process when it is first needed, and anew where it ended. It may be used by any thread.

    It is ended with the engine.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded: set[str] = set()
        self._sources: dict[str, str] = {}
        self._answered = bytearray()
        self._spent = 0.0
        self._run: weakref.ref[Any] | None = None

    def load(self, name: str, source: str) -> Any:
        """Load the file of a function; what it declares of itself, None if nothing. Raises EngineError."""
        with self._lock:
            self._sources[name] = source
            return self._load(name)

    def call(self, name: str, message: str, run: object) -> list[Any]:
        """What a function that was loaded answers to a message, for one run over a document. Raises EngineError."""
        with self._lock:
            if self._run is None or self._run() is not run:
                self._run, self._spent = weakref.ref(run), 0.0
            if self._spent > _LONGEST_RUN:
                raise EngineError(f"functions take more than {_LONGEST_RUN:g} s for one document")
            began = time.monotonic()
            try:
                if self._process is None or name not in self._loaded:
                    self._load(name)
                told: list[Any] = self._ask({"call": name, "message": message}, _LONGEST_CALL)["told"]
            finally:
                self._spent += time.monotonic() - began
            return told

    def _load(self, name: str) -> Any:
        limit = _LONGEST_CALL
        if self._process is None:
            self._start()
            limit = _LONGEST_START
        declared = self._ask({"load": name, "source": self._sources[name]}, limit)["declared"]
        self._loaded.add(name)
        return declared

    def _start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if key in _PASSED_ON or key.startswith("PYTHON")}
        process = subprocess.Popen(  # noqa: S603  # a module of ours, nothing of the ruleset is in it
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._process = process
        self._loaded.clear()
        self._answered.clear()
        weakref.finalize(self, _end, process)

    def _ask(self, question: dict[str, Any], limit: float) -> dict[str, Any]:
        process = self._process
        assert process is not None
        try:
            answer: dict[str, Any] = json.loads(self._line(process, json.dumps(question).encode() + b"\n", limit))
        except (OSError, ValueError) as error:
            self._process = None
            _end(process)
            reason = "it took too much time or memory" if process.returncode else str(error)
            raise EngineError(f"it was ended: {reason}") from None
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    def _line(self, process: subprocess.Popen[bytes], question: bytes, limit: float) -> bytes:
        """The answer to a question. Raises OSError where there is none in time."""
        assert process.stdin is not None
        assert process.stdout is not None
        deadline = time.monotonic() + limit
        process.stdin.write(question)
        process.stdin.flush()
        answered, descriptor = self._answered, process.stdout.fileno()
        while b"\n" not in answered[-_CHUNK:]:
            ready, _, _ = select.select([descriptor], [], [], max(deadline - time.monotonic(), 0.0))
            if not ready:
                raise TimeoutError("it does not answer")
            chunk = os.read(descriptor, _CHUNK)
            answered += chunk
            if not chunk or len(answered) > _LARGEST_ANSWER:
                raise OSError("it ended" if not chunk else "its answer is too large")
        line, _, rest = bytes(answered).partition(b"\n")
        self._answered = bytearray(rest)
        return line


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
    for end in (process.stdin, process.stdout):
        if end is not None:
            with contextlib.suppress(OSError):  # what could not be written is of no use any more
                end.close()
