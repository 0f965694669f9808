"""On what the figures were measured: they mean little without it."""

import os
import platform
import time
from pathlib import Path

from bench.affinity import Cores
from bench.install import Tools


def processor() -> str:
    """The name that the kernel gives the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def description(tools: Tools, cores: Cores) -> dict[str, object]:
    """Processor, kernel, cores, load before the run, and versions; JSON-ready."""
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": processor(),
        "kernel": platform.release(),
        "cores": {"gateway": list(cores.gateway), "load": list(cores.load)},
        "load_average": list(os.getloadavg()),
        "versions": dict(tools.versions),
        "absent": dict(tools.absent),
    }


def headline(machine: dict[str, object]) -> str:
    """The description in a few lines for people."""
    return "\n".join(f"{name}: {value}" for name, value in machine.items() if value)
