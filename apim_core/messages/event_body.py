"""A body that is an event stream whose events policies see."""

from __future__ import annotations

from collections.abc import Iterator

from apim_sdk.body import BodyError, Source
from apim_sdk.errors import Fault
from apim_sdk.streams import Close, Drop, Message

from apim_core.messages.event_blocks import Block, EventReader, EventTooLarge, event_bytes
from apim_core.messages.judging import Judges
from apim_core.steps import PluginFault

__all__ = ["EventBody"]


class EventBody:
    """A Source (see ``apim_sdk.body``) over another, or over ``data`` that is all there.

    Each event goes on as soon as it is whole, as it came unless a policy changed it. Where a policy refuses one or
    closes, the stream ends behind the event before. Where a policy fails, or an event is larger than ``limit`` bytes,
    it breaks.
    """

    __slots__ = ("_blocks", "_data", "_ended", "_judges", "_reader", "_source")

    def __init__(self, source: Source | None, judges: Judges, limit: int, data: bytes = b"") -> None:
        self._source = source
        self._judges = judges
        self._reader = EventReader(limit)
        self._blocks: Iterator[Block] = iter(())
        self._data = data
        self._ended = False

    def ready(self) -> bytes | None:
        """See Source. Never: a policy may have to wait for each event."""
        return None

    async def read(self) -> bytes:
        """See Source."""
        while not self._ended:
            try:
                block = next(self._blocks, None)
            except EventTooLarge as error:
                self.close()
                raise BodyError(str(error)) from error
            if block is None:
                chunk = await self._next()
                if not chunk:
                    self._ended = True
                    return self._reader.rest()
                self._blocks = self._reader.read(chunk)
            elif passed := block.raw if block.event is None else await self._judge(block):
                return passed
        return b""

    def close(self) -> None:
        """See Source."""
        self._ended = True
        if self._source is not None:
            self._source.close()

    async def _next(self) -> bytes:
        data, self._data = self._data, b""
        return data if data or self._source is None else await self._source.read()

    async def _judge(self, block: Block) -> bytes:
        """The bytes of an event as it goes on; nothing if it does not. Raises BodyError where a policy failed."""
        message = block.event
        assert message is not None, "a block that is none passes without being judged"
        before = (message.data, message.event, message.id, message.retry)
        try:
            await self._judges.judge(message)
            same = (message.data, message.event, message.id, message.retry) == before
            return self._passed(message, block.raw if same else self._written(message))
        except Drop:
            return b""
        except PluginFault as fault:
            self.close()
            raise BodyError(f"a policy failed on an event: {fault.detail}") from fault
        except Close:
            self.close()
            return b""
        except Fault as fault:
            self._judges.ended_by(fault.policy)
            self.close()
            return b""

    def _passed(self, message: Message, raw: bytes) -> bytes:
        self._judges.passed(message)
        return raw

    def _written(self, message: Message) -> bytes:
        try:
            return event_bytes(message)
        except ValueError as error:
            raise self._judges.fault(error, "event stream") from error
