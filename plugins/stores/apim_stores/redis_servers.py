"""The servers that count: one, or the master that Sentinels know (or a cluster: ``redis_cluster``); kept connected.

A connection that ends is opened anew after ever longer waits, and meanwhile every question fails at once. Where it was
the master of Sentinels, they are asked anew who that is.
"""

from __future__ import annotations

import asyncio
import binascii
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from apim_stores.redis_address import Address
from apim_stores.redis_connection import Connection, connect
from apim_stores.resp import ReplyError

__all__ = ["SLOTS", "Link", "Locate", "Servers", "SetUp", "Single", "ask_sentinels", "pause", "slot_of"]

SLOTS: Final = 16384
_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 1.0
_SENTINEL_PATIENCE: Final = 1.0

SetUp = Sequence[tuple[bytes, ...]]
Locate = Callable[[], Awaitable[Address]]


def slot_of(tag: bytes) -> int:
    """The slot of keys with that hash tag."""
    return binascii.crc_hqx(tag, 0) % SLOTS


async def pause(longest: float) -> None:
    """Wait for half of it to all of it, so that not all processes come back at the same moment."""
    await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311  # no secret


class Link:
    """Keeps one server connected. ``connection`` raises OSError while it is not."""

    def __init__(self, locate: Locate, set_up: SetUp) -> None:
        self._locate = locate
        self._set_up = set_up
        self._connection: Connection | None = None
        self._error: OSError = ConnectionError("Redis is not connected yet")
        self.tried = asyncio.Event()
        """Set once it is known whether the server is there."""
        self.connections = 0
        """How many connections there have been."""
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="redis counters link")

    @property
    def connection(self) -> Connection:
        connection = self._connection
        if connection is None or connection.lost.is_set():
            raise ConnectionError(str(self._error)) from self._error
        return connection

    async def _keep(self) -> None:
        wait = 0.0
        while True:
            try:
                connection = self._connection = await connect(await self._locate(), *self._set_up)
            except OSError as error:
                self._error = error
            else:
                self._error = ConnectionError(f"Redis at {connection.address} is not connected any more")
                self.connections += 1
                self.tried.set()
                try:
                    await connection.lost.wait()
                finally:
                    connection.close()
                    self._connection = None
                wait = 0.0
            self.tried.set()
            await pause(wait)
            wait = min(max(2 * wait, _FIRST_WAIT), _LONGEST_WAIT)

    async def aclose(self) -> None:
        """Let go of the server."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Servers:
    """Where questions go. ``split`` tells whether those of different slots go apart."""

    split = False

    def of(self, slot: int) -> Connection:
        """The connection for keys of a slot. Raises OSError."""
        raise NotImplementedError

    def at(self, host: str, port: int) -> Connection:
        """The connection to a server that another one has named. Raises OSError."""
        raise NotImplementedError

    def moved(self) -> None:
        """Some slots have another master now."""

    async def ready(self) -> None:
        """Wait until it is known whether they are there. Raises OSError where not."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Let go of all."""
        raise NotImplementedError


class Single(Servers):
    """One server, which may be another one after a failover."""

    def __init__(self, locate: Locate, set_up: SetUp) -> None:
        self._link = Link(locate, set_up)

    def of(self, slot: int) -> Connection:
        return self._link.connection

    def at(self, host: str, port: int) -> Connection:
        raise ConnectionError("Redis is a cluster: say `cluster: true`")

    async def ready(self) -> None:
        await self._link.tried.wait()
        assert self._link.connection is not None, "or it has raised"

    async def aclose(self) -> None:
        await self._link.aclose()


async def ask_sentinels(sentinels: Sequence[Address], service: str, master: Address) -> Address:
    """Where the master is, as the first Sentinel that answers says. Raises OSError."""
    problems: list[str] = []
    for sentinel in sentinels:
        connection = None
        try:
            async with asyncio.timeout(_SENTINEL_PATIENCE):
                connection = await connect(sentinel)
                found = await connection.ask(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", service.encode())
            host, port = (each.decode() for each in found)
            return master.at(host, int(port))
        except ReplyError as error:
            problems.append(f"{sentinel}: {error}")
        except OSError as error:
            problems.append(str(error) or f"{sentinel} does not answer")
        except (TypeError, ValueError, AttributeError):
            problems.append(f"{sentinel} knows no master named {service!r}")
        finally:
            if connection is not None:
                connection.close()
    raise ConnectionError(f"no Sentinel knows the master: {'; '.join(problems)}")
