"""Listening sockets: opened here or handed over by systemd, for one process or a set for each worker.

Each worker has its own set on the same addresses (SO_REUSEPORT), between which the kernel spreads connections evenly;
one shared set would give bursts of connections to whichever worker wakes first. A worker listens once it can serve, so
that one that cannot start gets no connection. The supervisor keeps every set open: what waits in the queue of a worker
that crashed is accepted by the one that takes its place. Sockets from systemd cannot be multiplied, so there all
workers share them.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

import attrs

from apim_core.config import Configuration
from apim_core.config.server import Address
from apim_core.listeners import open_sockets

__all__ = ["SocketSets", "address_of", "open_or_take"]


def open_or_take(configuration: Configuration, handed: Sequence[socket.socket]) -> list[socket.socket]:
    """A socket for each listener: those that were handed over if there are any, in order, or new ones.

    Raises OSError for an address that cannot be had, and where the number of handed sockets does not fit.
    """
    if not handed:
        return open_sockets(configuration)
    if len(handed) != len(configuration.listen):
        raise OSError(
            f"{len(handed)} sockets were handed over (LISTEN_FDS) for {len(configuration.listen)} listeners: "
            "write one ListenStream= for each entry of listen, in the same order"
        )
    return list(handed)


class SocketSets:
    """A set of sockets for each worker."""

    def __init__(self, configuration: Configuration, handed: Sequence[socket.socket]) -> None:
        first = open_or_take(configuration, handed)
        self.addresses = tuple(address_of(each) for each in first)
        self._shared = first if handed else []
        # Opened without SO_REUSEPORT, the first set has shown that nobody else listens there; and it has turned port 0
        # into a port that all workers can use.
        self._fixed = attrs.evolve(
            configuration,
            listen=tuple(
                attrs.evolve(listener, address=Address(listener.address.host, address.port))
                for listener, address in zip(configuration.listen, self.addresses, strict=True)
            ),
        )
        if not handed:
            for each in first:
                each.close()

    def open(self) -> list[socket.socket]:
        """A set for one worker, which whoever asked closes; new ones do not listen yet. Raises OSError."""
        if self._shared:
            return [each.dup() for each in self._shared]
        return open_sockets(self._fixed, for_worker=True)

    def close(self) -> None:
        """Close what was handed over."""
        for each in self._shared:
            each.close()


def address_of(listening: socket.socket) -> Address:
    """Where a socket listens; for a Unix socket its path, with port 0."""
    name = listening.getsockname()
    return Address(name[0], name[1]) if isinstance(name, tuple) else Address(str(name), 0)
