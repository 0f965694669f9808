"""A store and the ways to it, made up: the tables of the SDK behind latency, partitions, restarts and slowness."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from typing import Any, Final

from apim_sdk import Clock, Grant, Limit
from apim_sdk.counters import CounterStore, SharedCounter
from apim_sdk.counting import Table, open_table
from apim_sdk.testing.virtual_time import EPOCH, LoopClock

from apim_traffic.simulation.scenario import Outage, Scenario

__all__ = ["BEGIN", "NodeClock", "Server", "Way"]

BEGIN: Final = 1.0
"""When a scenario begins, by the event loop: by then every node has reached the store, and knows of the others."""


class NodeClock:
    """The clocks of a node, which are not the store's."""

    def __init__(self, skew: float, uptime: float) -> None:
        self._clock = LoopClock()
        self._skew = skew
        self._uptime = uptime

    def now(self) -> float:
        """Seconds since the epoch, as the node believes."""
        return self._clock.now() + self._skew

    def monotonic(self) -> float:
        """Seconds since the node started."""
        return self._clock.monotonic() + self._uptime


class Server:
    """The counters at the store, by its own clock. ``windows`` holds the begin and end of each fixed window there."""

    def __init__(self, limit: Limit) -> None:
        self.clock: Clock = LoopClock()
        self.windows: set[tuple[float, float]] = set()
        self.questions = 0
        self.members: set[int] = set()
        self._limit = limit
        self._table = open_table(limit, self.clock)

    def lose(self) -> None:
        """Forget what was counted, and who counts."""
        self.members.clear()
        self._table = open_table(self._limit, self.clock)

    def answer(self, question: str, key: str, *arguments: int) -> Any:
        """Do what is asked."""
        self.questions += 1
        table: Table = self._table
        if question == "grant":
            answer = table.grant(key, *arguments)
        elif question == "settle":
            if arguments[0]:
                table.settle(key, *arguments)
            answer = table.standing(key)
        else:
            return table.reset(key)
        if answer.reset:  # the table counts milliseconds since the epoch
            end = int(self.clock.now() * 1000) + round(answer.reset * 1000)
            self.windows.add((end / 1000 - self._limit.seconds - EPOCH, end / 1000 - EPOCH))
        return answer


class Way(CounterStore):
    """The store, as one node reaches it."""

    def __init__(self, scenario: Scenario, node: int, server: Server, chance: random.Random) -> None:
        self._scenario = scenario
        self._node = node
        self._server = server
        self._chance = chance

    def counter(self, name: str, limit: Limit) -> SharedCounter:
        """The one counter there is."""
        return _Counter(self)

    async def members(self) -> int:
        """How many nodes have reached the store, this one included."""
        await self.travel()
        self._server.members.add(self._node)
        found = len(self._server.members)
        await self.travel()
        return found

    async def ask(self, question: str, key: str, *arguments: int) -> Any:
        """Ask the store, over there and back."""
        await self.travel()
        answer = self._server.answer(question, key, *arguments)
        await self.travel()
        return answer

    async def travel(self) -> None:
        """One way. What a partition meets is lost."""
        begun = _time()
        pause = self._chance.uniform(0.25, 0.75) * self._scenario.latency
        pause += sum(outage.delay for outage in self._met("slow", begun, begun))
        await asyncio.sleep(pause)
        if self._met("partition", begun, _time()):
            await asyncio.get_running_loop().create_future()
        if self._met("restart", begun, _time()):
            raise ConnectionError("the store is being restarted")

    def _met(self, kind: str, begun: float, ended: float) -> list[Outage]:
        return [
            outage
            for outage in self._scenario.outages
            if outage.kind == kind
            and outage.node in (None, self._node)
            and BEGIN + outage.start <= ended
            and begun < BEGIN + outage.end
        ]


class _Counter:
    def __init__(self, way: Way) -> None:
        self._ask = way.ask

    def grant(self, key: str, least: int, most: int) -> Awaitable[Grant]:
        return self._ask("grant", key, least, most)

    def settle(self, key: str, units: int) -> Awaitable[Grant]:
        return self._ask("settle", key, units)

    def reset(self, key: str) -> Awaitable[None]:
        return self._ask("reset", key)


def _time() -> float:
    return asyncio.get_running_loop().time()
