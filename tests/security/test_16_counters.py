"""Threat class 16: nobody but the workers of a supervisor reaches its counters."""

from __future__ import annotations

import os
from pathlib import Path

from support.processes import configuration, running


def test_the_sockets_over_which_workers_count_have_no_name(tmp_path: Path) -> None:
    with running(tmp_path, configuration(), "--workers", "2") as gateway:
        pids = [gateway.process.pid, *(worker["pid"] for worker in gateway.workers())]
        folders = [Path(f"/proc/{pid}/fd") for pid in pids]
        links = {os.readlink(folder / number) for folder in folders for number in os.listdir(folder)}
        sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]

    held = [fields for fields in sockets if f"socket:[{fields[6]}]" in links]
    assert len(held) >= 8, "a control channel and a channel for counters for each worker, with two ends each"
    assert [] == [fields[7] for fields in held if len(fields) > 7]
