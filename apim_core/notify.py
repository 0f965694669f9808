"""Talking to systemd: readiness, reloads and the watchdog (sd_notify(3)), and sockets it opened (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

__all__ = ["Notifier", "handed_sockets"]

_FIRST_HANDED = 3
"""SD_LISTEN_FDS_START: handed descriptors begin behind standard error."""


class Notifier:
    """Sends state to the socket that ``NOTIFY_SOCKET`` names; does nothing where there is none.

    A state that cannot be sent is not an error of the gateway: the service manager has gone, and ``failures`` counts.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL byte of an abstract address.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_interval = _watchdog_interval(environment)
        """Seconds between two signs of life; None if nobody waits for them."""
        self.failures = 0

    def ready(self, status: str) -> None:
        """The service serves (also: a reload is over)."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload has begun; the time lets ``Type=notify-reload`` tell this one from earlier ones."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The service drains."""
        self._send("STOPPING=1\nSTATUS=draining")

    def alive(self) -> None:
        """A sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                manager.setblocking(False)
                manager.sendto(state.encode(), self._address)
        except OSError:
            self.failures += 1


def _watchdog_interval(environment: Mapping[str, str]) -> float | None:
    """Half the time after which systemd takes the service for hung (sd_watchdog_enabled(3))."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000 or None


def handed_sockets(environment: Mapping[str, str]) -> list[socket.socket]:
    """The listening sockets that systemd opened for this process, in the order of the socket unit; often none.

    Raises OSError where what was handed over is no listening stream socket.
    """
    count = environment.get("LISTEN_FDS", "")
    if not count.isdigit() or environment.get("LISTEN_PID") != str(os.getpid()):
        return []
    handed: list[socket.socket] = []
    for number in range(_FIRST_HANDED, _FIRST_HANDED + int(count)):
        os.set_inheritable(number, False)
        each = socket.socket(fileno=number)
        if each.type != socket.SOCK_STREAM or not each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(f"descriptor {number} of LISTEN_FDS is no listening stream socket: use ListenStream=")
        each.setblocking(False)
        handed.append(each)
    return handed
