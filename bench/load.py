"""The load: wrk with keep-alive connections, cycling through prepared requests."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from bench.affinity import pinned

SCRIPT = Path(__file__).with_name("wrk.lua")
MARK = "wrk-json "


@attrs.frozen
class LoadFailed(Exception):
    """wrk ended without figures."""

    command: tuple[str, ...]
    output: str

    def __str__(self) -> str:
        return f"{' '.join(self.command)} gave no figures:\n{self.output}"


@attrs.frozen
class Load:
    """Requests in the order in which they are sent, over and over."""

    requests: tuple[bytes, ...]
    tls: bool = False

    def write(self, path: Path) -> Path:
        """Write the file that `wrk.lua` reads."""
        with path.open("wb") as file:
            for request in self.requests:
                file.write(b"%d\n%b\n" % (len(request), request))
        return path


@attrs.frozen
class LoadFigures:
    """What one run of wrk saw."""

    requests: int
    """Answers received, of any status."""
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    """Answers of status 400 and above, and connections that broke or timed out."""

    @property
    def per_second(self) -> float:
        """Throughput."""
        return self.requests / self.seconds


def parse_wrk(output: Iterable[str]) -> LoadFigures | None:
    """Find the line that `wrk.lua` writes at the end; None where it is missing."""
    for line in output:
        if line.startswith(MARK):
            figures = json.loads(line[len(MARK) :])
            return LoadFigures(
                requests=figures["requests"],
                seconds=figures["duration_us"] / 1e6,
                p50_ms=figures["p50_us"] / 1e3,
                p99_ms=figures["p99_us"] / 1e3,
                errors=sum(figures[kind] for kind in ("connect", "read", "write", "status", "timeout")),
            )
    return None


@attrs.frozen
class Wrk:
    """How to run wrk: one thread, so that requests are cycled in order."""

    program: Path
    connections: int
    cores: tuple[int, ...]

    def command(
        self, port: int, requests: Path, *, seconds: float, tls: bool = False, begin: int = 0
    ) -> tuple[str, ...]:
        """The command line; wrk counts in whole seconds."""
        scheme = "https" if tls else "http"
        options = ("-t1", f"-c{self.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s")
        url = f"{scheme}://127.0.0.1:{port}/"
        arguments = ("-s", str(SCRIPT), url, "--", str(requests), str(begin))
        return pinned((str(self.program), *options, *arguments), self.cores)

    def run(self, port: int, requests: Path, *, seconds: float, tls: bool = False, begin: int = 0) -> LoadFigures:
        """Run wrk to its end; raises `LoadFailed` where it reports no figures."""
        command = self.command(port, requests, seconds=seconds, tls=tls, begin=begin)
        return figures_of(command, subprocess.Popen(command, **CAPTURED), seconds)


CAPTURED: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
GRACE_SECONDS = 60.0


def figures_of(command: tuple[str, ...], process: "subprocess.Popen[str]", seconds: float) -> LoadFigures:
    """Wait for a wrk that was started with `CAPTURED`; raises `LoadFailed` where it reports no figures."""
    try:
        output, complaint = process.communicate(timeout=seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        output, complaint = process.communicate()
    figures = parse_wrk(output.splitlines())
    if figures is None:
        raise LoadFailed(command, output + complaint)
    return figures
