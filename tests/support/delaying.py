"""A relay before a server that holds back what the server says, as a slow network or a busy server would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Delaying:
    """``delay`` is how many seconds each piece of an answer is held back; ``cut`` ends all connections."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.delay = 0.0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, asks]
        for source, sink, held in ((reader, asks, False), (answers, writer, True)):
            task = asyncio.get_running_loop().create_task(self._relay(source, sink, held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _relay(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, held: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if held:
                    await asyncio.sleep(self.delay)
                sink.write(data)
        sink.close()

    def cut(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.transport.abort()

    async def ended(self) -> None:
        """End all relays."""
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def delaying(port: int) -> AsyncIterator[Delaying]:
    """A relay to a port of this machine."""
    relay = Delaying(port)
    server = await asyncio.start_server(relay._serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.ended()
