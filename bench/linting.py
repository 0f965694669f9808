"""``python -m bench.linting DOCUMENT...``: ``apim lint`` beside Spectral's command, on the same documents.

The original is installed from npm into ``bench/.cache``. Whole processes are measured: time on the clock, and the most
memory that was resident. Documents may be packed with gzip.
"""

from __future__ import annotations

import argparse
import gzip
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPECTRAL = "@stoplight/spectral-cli@6.16.3"
CACHE = Path(__file__).parent / ".cache" / "spectral"
RULESET = "extends: [spectral:oas]\n"
SMALL, LARGE = 100_000, 5_000_000
"""Bytes of a document with a budget: half the time for a small one, a tenth and a quarter of the memory for a large."""


def original() -> Path:
    """Spectral's command."""
    command = CACHE / "node_modules" / ".bin" / "spectral"
    if not command.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", SPECTRAL], cwd=CACHE, check=True)
    return command


def measured(command: list[str], longest: float) -> tuple[float, float]:
    """Seconds, and MiB, of a process and those below it; the better of two runs. Without an end in time, infinity.

    Modules are compiled once, as pip does when it installs.
    """
    best = float("inf"), float("inf")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(2):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        while True:
            pid, _, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - start > longest:
                process.kill()
                process.wait()
                return best
            time.sleep(0.005)
        best = min(best, (time.perf_counter() - start, _mebibytes(usage)))
    return best


def _mebibytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / 1024


def main() -> int:
    """Print a row for each document; 1 if a budget is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", nargs="+", type=Path)
    parser.add_argument("--longest", type=float, default=200.0, help="seconds that a run may take (200)")
    arguments = parser.parse_args()
    kept = True
    print(
        "| document | MB | apim lint | Spectral | time | budget | memory | budget |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        ruleset = Path(folder, "ruleset.yaml")
        ruleset.write_text(RULESET)
        for document in arguments.documents:
            copy = Path(folder, document.name.removesuffix(".gz"))
            content = document.read_bytes()
            copy.write_bytes(gzip.decompress(content) if document.suffix == ".gz" else content)
            options = ["lint", str(copy), "-r", str(ruleset), "-f", "json", "-q"]
            ours = measured([str(Path(sys.executable).with_name("apim")), *options], arguments.longest)
            theirs = measured([str(original()), *options], arguments.longest)
            size = copy.stat().st_size
            times, memory = ours[0] / theirs[0], ours[1] / theirs[1]
            budget, room = (0.5, None) if size <= SMALL else (0.1, 0.25) if size >= LARGE else (None, None)
            kept = kept and times <= (budget or times) and memory <= (room or memory)
            print(
                f"| {copy.name} | {size / 1e6:.2f} | {ours[0]:.2f} s, {ours[1]:.0f} MiB | {theirs[0]:.2f} s, "
                f"{theirs[1]:.0f} MiB | {times:.2f} | {budget or '-'} | {memory:.2f} | {room or '-'} |",
                flush=True,
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
