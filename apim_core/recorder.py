"""The recorder: records wait in a bounded ring and go to the sinks in batches, off the request path.

A record that finds the ring full is counted as dropped; no request ever waits for a sink.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from apim_sdk.record import Record
from apim_sdk.sink import Sink

__all__ = ["Recorder"]


class Recorder:
    """Hands records to sinks, each sink at its own pace.

    ``interval`` is the longest that a record waits, in seconds; ``capacity`` how many may wait for one sink.
    """

    def __init__(
        self,
        sinks: Sequence[tuple[str, Sink]],
        on_failure: Callable[[str, BaseException], None],
        *,
        capacity: int = 65_536,
        batch: int = 1_024,
        interval: float = 0.2,
    ) -> None:
        self._outlets = [_Outlet(name, sink, on_failure, capacity, batch, interval) for name, sink in sinks]
        self.wanted = bool(self._outlets)
        self.add: Callable[[Record], None] = self._outlets[0].add if len(self._outlets) == 1 else self._add
        """Take a record; never waits."""

    def _add(self, record: Record) -> None:
        for outlet in self._outlets:
            outlet.add(record)

    @property
    def dropped(self) -> int:
        """How many records found a ring full, or were in a batch that a sink refused."""
        return sum(outlet.dropped for outlet in self._outlets)

    @property
    def waiting(self) -> int:
        """How many records wait now."""
        return sum(len(outlet.ring) for outlet in self._outlets)

    async def stop(self, timeout: float = 30.0) -> None:
        """Hand over what still waits. What a sink has not taken after ``timeout`` seconds is dropped, and counted."""
        await asyncio.gather(*(outlet.stop(timeout) for outlet in self._outlets))


class _Outlet:
    """The ring of one sink. Mutated by the event loop's thread only."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        on_failure: Callable[[str, BaseException], None],
        capacity: int,
        batch: int,
        interval: float,
    ) -> None:
        self.name = name
        self.sink = sink
        self.ring: list[Record] = []
        self.dropped = 0
        self._on_failure = on_failure
        self._capacity = capacity
        self._batch = batch
        self._interval = interval
        self._timer: asyncio.TimerHandle | None = None
        self._writer: asyncio.Task[None] | None = None

    def add(self, record: Record) -> None:
        ring = self.ring
        if len(ring) >= self._capacity:
            self.dropped += 1
            return
        ring.append(record)
        if self._timer is None and self._writer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._due)

    def _due(self) -> None:
        self._timer = None
        self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self.ring:
                batch = self.ring[: self._batch]
                del self.ring[: self._batch]
                try:
                    await self.sink.write(batch)
                except asyncio.CancelledError:
                    self.dropped += len(batch)
                    raise
                except Exception as error:
                    self.dropped += len(batch)
                    self._on_failure(self.name, error)
        finally:
            self._writer = None

    async def stop(self, timeout: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            async with asyncio.timeout(timeout):
                if self._writer is not None:
                    await self._writer
                await self._write()
        except TimeoutError:
            self.dropped += len(self.ring)
            self.ring = []
            self._on_failure(self.name, TimeoutError(f"it did not take the last records within {timeout:g} s"))
