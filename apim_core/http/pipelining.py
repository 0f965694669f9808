"""The requests that a client pipelines: they wait as bytes for their turn, and for a client that takes its answers.

What waits is bounded: beyond ``pipeline_buffer`` the client is not read from. One request is taken in a turn of the
loop, so that a client that sends thousands is served no more often than others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apim_core.http.receiving import BodyReceiver
from apim_core.http.sending import Sending
from apim_core.http.states import State

if TYPE_CHECKING:
    from apim_core.http.server import Server

__all__ = ["Pipelining"]


class Pipelining(Sending):
    """What ``Connection`` does between two requests."""

    __slots__ = ("_receiver",)

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._receiver: BodyReceiver | None = None

    def _await_next(self) -> None:
        self._receiver = None
        if self.full:
            self._state = State.NEXT
        elif self._buffer:
            self._state = State.NEXT
            self.server.loop.call_soon(self._take_pipelined)
        else:
            self._state = State.HEAD
            self.deadline = self.server.now + self.server.timeouts.idle
            self._resume()

    def _take_pipelined(self) -> None:
        if self._state is State.NEXT and not self.full:
            data, self._buffer = self._buffer, b""
            self._state = State.HEAD
            self._resume()
            self.data_received(data)
            self._bound_pipeline()

    def _bound_pipeline(self) -> None:
        """Read no further while more waits than may."""
        waits = self._state is State.ANSWER or self._state is State.NEXT
        if waits and len(self._buffer) > self.server.limits.pipeline_buffer:
            self._pause()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._state is State.HEAD:
            self._state = State.NEXT
