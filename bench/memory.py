"""Resident memory of a process with its children, read from /proc (see proc(5), `/proc/pid/status`)."""

from pathlib import Path

import attrs

from bench.cpu import PROC, every_process, family


@attrs.frozen
class Memory:
    """Sizes in bytes, summed over a process and its descendants."""

    resident: int
    """VmRSS: in memory now."""
    peak: int
    """VmHWM: the most since the start, or since `forget_peak`."""


def parse_status(text: str) -> Memory:
    """Read VmRSS and VmHWM out of `/proc/PID/status`, which states them in kB of 1,024 bytes."""
    sizes = {"VmRSS": 0, "VmHWM": 0}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in sizes:
            sizes[name] = int(value.split()[0]) * 1024
    return Memory(resident=sizes["VmRSS"], peak=sizes["VmHWM"])


def memory(root: int, proc: Path = PROC) -> Memory:
    """What `root` and its descendants hold."""
    members = family(root, every_process(proc))
    sizes = [parse_status((proc / str(member.process_id) / "status").read_text()) for member in members]
    return Memory(sum(size.resident for size in sizes), sum(size.peak for size in sizes))


def forget_peak(root: int, proc: Path = PROC) -> None:
    """Set the peak of each process back to what is resident now (value 5 of `clear_refs`)."""
    for member in family(root, every_process(proc)):
        (proc / str(member.process_id) / "clear_refs").write_text("5")
