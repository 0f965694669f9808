"""Where the body of a request ends, and how much of it has come."""

from __future__ import annotations

from apim_sdk.body import BodyTooLarge, BrokenBody
from apim_sdk.errors import Fault

from apim_core.http.chunked import ChunkedDecoder
from apim_core.http.inbound import InboundBody
from apim_core.http.settings import LimitSettings

__all__ = ["BodyReceiver"]


class BodyReceiver:
    """Cuts a body out of what arrives and feeds it to ``body``.

    ``left`` is how many bytes are still to come, None while nobody can know.
    """

    __slots__ = ("_decoder", "_limit", "body", "left", "received")

    def __init__(self, body: InboundBody, length: int | None, limits: LimitSettings) -> None:
        self.body = body
        self.left = length
        self.received = 0
        self._limit = limits.body
        self._decoder = ChunkedDecoder(limits.chunk_extensions, limits.trailers) if length is None else None

    def feed(self, data: bytes) -> bytes | None:
        """Take what belongs to the body. Answers what stands behind its end, None if the end is still to come.

        Raises BrokenBody, or BodyTooLarge past the limit.
        """
        left = self.left
        if left is None:
            return self._feed_chunked(data)
        piece, rest = (data, b"") if len(data) <= left else (data[:left], data[left:])
        self.left = left = left - len(piece)
        self.received += len(piece)
        self.body.feed(piece)
        if left:
            return None
        self.body.end()
        return rest

    def _feed_chunked(self, data: bytes) -> bytes | None:
        decoder = self._decoder
        assert decoder is not None
        try:
            pieces, rest = decoder.feed(data)
        except Fault as fault:
            raise BrokenBody(fault) from None
        if pieces:
            piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self.received += len(piece)
            if self.received > self._limit:
                raise BodyTooLarge(self._limit)
            self.body.feed(piece)
        if not decoder.done:
            return None
        self.left = 0
        self.body.end()
        return rest
