"""A cluster of servers that count: which master has which slots, and a connection to each of them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import attrs

from apim_stores.redis_address import Address
from apim_stores.redis_connection import Connection, connect
from apim_stores.redis_servers import SLOTS, Link, Locate, Servers, SetUp, pause
from apim_stores.resp import ReplyError

__all__ = ["Cluster"]

_PATIENCE: Final = 1.0
"""Seconds for a node to tell who the masters are."""
_SHORTEST_WAIT: Final = 0.1
"""Between two times that they are asked, however often somebody finds that slots have moved."""
_LONGEST_WAIT: Final = 1.0
_MOST_NODES: Final = 1000


@attrs.frozen
class _Range:
    """Slots and their master."""

    first: int
    last: int
    host: str
    port: int


class Cluster(Servers):
    """The masters of a cluster, which any of its nodes can name."""

    split = True

    def __init__(self, seed: Address, set_up: SetUp, refresh: float = 30.0) -> None:
        self._seed = seed
        self._set_up = set_up
        self._refresh = refresh
        self._links: dict[tuple[str, int], Link] = {}
        self._slots: list[Link | None] = [None] * SLOTS
        self._error: OSError = ConnectionError("the cluster is not known yet")
        self._stale = asyncio.Event()
        self._tried = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="redis cluster")

    def of(self, slot: int) -> Connection:
        link = self._slots[slot]
        if link is None:
            raise ConnectionError(str(self._error)) from self._error
        try:
            return link.connection
        except OSError:
            self._stale.set()
            raise

    def at(self, host: str, port: int) -> Connection:
        link = self._links.get((host, port))
        if link is None:
            self._stale.set()
            raise ConnectionError(f"the cluster has named {host}:{port}, which is not connected yet")
        return link.connection

    def moved(self) -> None:
        self._stale.set()

    async def ready(self) -> None:
        await self._tried.wait()
        for link in list(self._links.values()):
            await link.tried.wait()
        if not self._links:
            raise ConnectionError(str(self._error)) from self._error

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for link in self._links.values():
            await link.aclose()

    async def _follow(self) -> None:
        """Know the masters: now, when somebody has found that they changed, and now and then."""
        while True:
            self._stale.clear()
            try:
                await self._learn()
            except OSError as error:
                self._error = error
            self._tried.set()
            await pause(_SHORTEST_WAIT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._refresh if self._links else _LONGEST_WAIT):
                    await self._stale.wait()

    async def _learn(self) -> None:
        ranges = await self._ranges()
        masters = {(each.host, each.port) for each in ranges}
        for place in masters - self._links.keys():
            self._links[place] = Link(self._locate(self._seed.at(*place)), self._set_up)
        slots: list[Link | None] = [None] * SLOTS
        for each in ranges:
            slots[each.first : each.last + 1] = [self._links[each.host, each.port]] * (each.last - each.first + 1)
        self._slots = slots
        self._error = ConnectionError("no master of the cluster has this slot")
        for place in self._links.keys() - masters:
            await self._links.pop(place).aclose()

    @staticmethod
    def _locate(address: Address) -> Locate:
        async def locate() -> Address:
            return address

        return locate

    async def _ranges(self) -> list[_Range]:
        """What the first node says that answers: those that are connected, then the one that is configured."""
        for link in list(self._links.values()):
            with contextlib.suppress(OSError, ReplyError, TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    connection = link.connection
                    return _ranges_of(await connection.ask(b"CLUSTER", b"SLOTS"), connection.address)
        connection = await connect(self._seed)
        try:
            async with asyncio.timeout(_PATIENCE):
                return _ranges_of(await connection.ask(b"CLUSTER", b"SLOTS"), self._seed)
        except ReplyError as error:
            raise ConnectionError(f"Redis at {self._seed}: {error}") from None
        finally:
            connection.close()


def _ranges_of(reply: Any, asked: Address) -> list[_Range]:
    """The masters in an answer to CLUSTER SLOTS. Raises ConnectionError where it is none."""
    try:
        ranges = [
            _Range(int(first), int(last), (host or b"").decode() or asked.host, int(port))
            for first, last, (host, port, *_), *_ in reply
        ]
    except (TypeError, ValueError, AttributeError) as error:
        raise ConnectionError(f"Redis at {asked} does not tell the slots of its cluster") from error
    if not ranges or len({(each.host, each.port) for each in ranges}) > _MOST_NODES:
        raise ConnectionError(f"the cluster at {asked} has no masters, or too many")
    if any(not 0 <= each.first <= each.last < SLOTS for each in ranges):
        raise ConnectionError(f"Redis at {asked} tells of slots that there are not")
    return ranges
