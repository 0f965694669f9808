"""Which processor cores the gateway and the load side run on, so that neither takes time from the other."""

import os

import attrs


@attrs.frozen
class Cores:
    """Core numbers for `taskset`: the gateway has one to itself, load generator and backend share the rest."""

    gateway: tuple[int, ...]
    load: tuple[int, ...]

    @property
    def apart(self) -> bool:
        """False on a machine of one core, where CPU time still counts but throughput and latency mean little."""
        return not set(self.gateway) & set(self.load)


def divide(available: tuple[int, ...]) -> Cores:
    """Give the gateway the last core and the load side all others (at most two, more only adds migrations)."""
    if not available:
        raise ValueError("no processor core is available to this process")
    if len(available) == 1:
        return Cores(gateway=available, load=available)
    return Cores(gateway=available[-1:], load=available[:-1][:2])


def cores_of_this_machine() -> Cores:
    """Divide the cores that this process may use."""
    return divide(tuple(sorted(os.sched_getaffinity(0))))


def pinned(command: tuple[str, ...], cores: tuple[int, ...]) -> tuple[str, ...]:
    """Prefix a command with `taskset`, which becomes the command and so keeps the process id."""
    return ("taskset", "-c", ",".join(str(core) for core in cores), *command)
