"""What runs in the process of a worker: ``python -m apim_core.workers.worker NUMBER CONTROL COUNTERS LISTENER...``.

NUMBER names the worker in logs and metrics, CONTROL is the descriptor of its end of the control channel, COUNTERS that
of the socket over which it counts together with the others, each LISTENER that of a listening socket. The supervisor
decides everything; the worker ends when it is told to, or is alone.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Sequence

import attrs

from apim_core.counters import NodeCounters
from apim_core.logging import configure_logging
from apim_core.resources import Asked
from apim_core.workers import loop
from apim_core.workers.control import Answer, answer_until_closed
from apim_core.workers.serving import Serving
from apim_core.workers.shipping import unpack

__all__ = ["main"]


class _Worker:
    """Answers the supervisor; each method but ``run`` is one question."""

    def __init__(self, number: int, listening: Sequence[socket.socket]) -> None:
        self._number = number
        self._listening = listening
        self._serving: Serving | None = None
        self._counters: NodeCounters | None = None
        self._cut = asyncio.Event()
        self._done = asyncio.Event()

    @property
    def serving(self) -> Serving:
        if self._serving is None:
            raise RuntimeError("the worker has not been started")
        return self._serving

    async def run(self, control: socket.socket, counters: socket.socket) -> None:
        """Answer until told to stop, or until the supervisor or a signal ends it."""
        events = asyncio.get_running_loop()
        # What a terminal sends to the whole group is for the supervisor, which then tells the workers.
        for number in (signal.SIGINT, signal.SIGHUP):
            events.add_signal_handler(number, lambda: None)
        events.add_signal_handler(signal.SIGTERM, self._done.set)
        questions = {name: getattr(self, name) for name in QUESTIONS}
        counting = self._counters = await NodeCounters.open(counters)
        ends = (
            asyncio.create_task(answer_until_closed(control, questions)),
            asyncio.create_task(self._done.wait()),
            asyncio.create_task(counting.closed()),
        )
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if self._serving is not None:
            await self._serving.stop(self._cut)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        counting.close()

    async def start(self, payload: bytes) -> Answer:
        configuration = unpack(payload)
        serving = Serving(configure_logging(configuration.log, worker=self._number), node=self._counters)
        await serving.start(configuration, self._listening)
        self._serving = serving
        return Answer(serving.status())

    async def prepare(self, payload: bytes) -> Answer:
        await self.serving.prepare(lambda: unpack(payload))
        return Answer()

    async def commit(self, payload: bytes) -> Answer:
        await self.serving.commit()
        return Answer(self.serving.status())

    async def abort(self, payload: bytes) -> Answer:
        await self.serving.abort()
        return Answer()

    async def status(self, payload: bytes) -> Answer:
        return Answer(self.serving.status())

    async def metrics(self, payload: bytes) -> Answer:
        return Answer(payload=await self.serving.metrics())

    async def act(self, payload: bytes) -> Answer:
        wanted = json.loads(payload)
        return Answer(attrs.asdict(await self.serving.act(wanted["action"], wanted["arguments"])))

    async def show(self, payload: bytes) -> Answer:
        answered = await self.serving.show(Asked.unpacked(payload))
        return Answer({"status": answered.status}, answered.body)

    async def stop(self, payload: bytes) -> Answer:
        self._done.set()
        return Answer()

    async def cut(self, payload: bytes) -> Answer:
        self._cut.set()
        return Answer()


QUESTIONS = ("start", "prepare", "commit", "abort", "status", "metrics", "act", "show", "stop", "cut")


def main(arguments: Sequence[str]) -> int:
    """Serve as a worker; see the module."""
    number, *descriptors = map(int, arguments)
    control, counters, *listening = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for each in (counters, *listening):
        each.setblocking(False)

    async def work() -> None:
        await _Worker(number, listening).run(control, counters)

    loop.run(work())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
