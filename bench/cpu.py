"""CPU time of a process with its threads and children, read from /proc (see proc(5), `/proc/pid/stat`)."""

import os
from collections.abc import Iterable
from pathlib import Path

import attrs

PROC = Path("/proc")


@attrs.frozen
class ProcessStat:
    """The fields of `/proc/PID/stat` that the harness needs; times are in clock ticks."""

    process_id: int
    parent_id: int
    own_ticks: int
    """utime + stime: user and system time of all threads."""
    reaped_ticks: int
    """cutime + cstime: the same of children that have ended and been waited for."""


def parse_stat(text: str) -> ProcessStat:
    """Read one line of `/proc/PID/stat`; the command name may hold blanks and brackets."""
    head, _, rest = text.rpartition(")")
    fields = rest.split()
    utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
    return ProcessStat(int(head.split(" ", 1)[0]), int(fields[1]), utime + stime, cutime + cstime)


@attrs.frozen
class CoreTime:
    """What cores have done so far, in clock ticks, summed over them."""

    busy: int
    """Work of anybody, interrupts and time that a hypervisor took away included."""
    total: int
    """Busy or not."""

    def since(self, before: "CoreTime") -> "CoreTime":
        """What has been added."""
        return CoreTime(self.busy - before.busy, self.total - before.total)


def parse_core_time(text: str, cores: Iterable[int]) -> CoreTime:
    """Read the lines `cpuN` of `/proc/stat` for some cores; idle and iowait are the fourth and fifth figure."""
    names = {f"cpu{core}" for core in cores}
    busy = total = 0
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if name in names:
            ticks = [int(field) for field in rest.split()[:8]]
            total += sum(ticks)
            busy += sum(ticks) - ticks[3] - ticks[4]
    return CoreTime(busy, total)


def core_time(cores: Iterable[int], proc: Path = PROC) -> CoreTime:
    """What the cores have done up to now."""
    return parse_core_time((proc / "stat").read_text(), cores)


def others_share(spent: CoreTime, own_seconds: float) -> float:
    """The part (0 to 1) of the cores' time that went to others than the one who used `own_seconds` of it."""
    own = own_seconds * os.sysconf("SC_CLK_TCK")
    return max(0.0, (spent.busy - own) / spent.total) if spent.total else 0.0


def every_process(proc: Path = PROC) -> tuple[ProcessStat, ...]:
    """All processes that can be read now; one that ends while it is read is left out."""
    found = []
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                found.append(parse_stat((folder / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return tuple(found)


def family(root: int, processes: Iterable[ProcessStat]) -> tuple[ProcessStat, ...]:
    """The process `root` with all its descendants, root first."""
    children: dict[int, list[ProcessStat]] = {}
    by_id: dict[int, ProcessStat] = {}
    for process in processes:
        by_id[process.process_id] = process
        children.setdefault(process.parent_id, []).append(process)
    members = [by_id[root]] if root in by_id else []
    for member in members:
        members.extend(children.get(member.process_id, ()))
    return tuple(members)


def cpu_seconds(root: int, proc: Path = PROC) -> float:
    """User and system time that `root` and its descendants, living or reaped, have used so far."""
    members = family(root, every_process(proc))
    return sum(member.own_ticks + member.reaped_ticks for member in members) / os.sysconf("SC_CLK_TCK")
