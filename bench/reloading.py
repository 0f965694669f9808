"""Make a running gateway take a new configuration, and see that it has."""

import signal
import time

import attrs

from bench.peers.apim import CONFIGURATION, generation_mark
from bench.probe import ask
from bench.process import Running
from bench.service import GENERATION_HEADER

LIMIT_SECONDS = 20.0


@attrs.frozen
class ReloadLost(Exception):
    """The gateway did not answer by the new configuration in time."""

    generation: int
    seconds: float
    seen: str | None

    def __str__(self) -> str:
        return (
            f"after {self.seconds:.1f} s answers still carried {self.seen!r} "
            f"instead of {generation_mark(self.generation)!r}"
        )


def write_generation(gateway: Running, generation: int) -> None:
    """Replace the file in one step by one that differs in the mark of its generation."""
    path = gateway.folder / CONFIGURATION
    text = path.read_text().replace(generation_mark(generation - 1), generation_mark(generation))
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def reload(gateway: Running, generation: int, request: bytes) -> float:
    """Write the next generation, send SIGHUP, ask until answers carry it; return the seconds that took.

    Raises `ReloadLost` where they never do.
    """
    write_generation(gateway, generation)
    began = time.perf_counter()
    gateway.signal(signal.SIGHUP)
    while True:
        seen = ask(gateway.port, request).header(GENERATION_HEADER)
        elapsed = time.perf_counter() - began
        if seen == generation_mark(generation):
            return elapsed
        if elapsed > LIMIT_SECONDS:
            raise ReloadLost(generation, elapsed, seen)
        time.sleep(0.002)
