"""Refuse requests whose body is too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
from apim_sdk import Exchange, Policy, Reject, Size
from apim_sdk.errors import CONTENT_TOO_LARGE, LENGTH_REQUIRED

__all__ = ["RequestSize"]


@attrs.frozen
class RequestSize(Policy):
    """Refuses requests with a body of more than `max` bytes: at once where its length is declared, else with the byte
    that is one too many."""

    example: ClassVar[Any] = {"max": "1MiB"}

    max: Size
    """Size of the largest body that may come."""
    require_length: bool = False
    """Whether a body must declare its length; one that does not is refused with 411."""

    def on_request(self, exchange: Exchange) -> None:
        body = exchange.request.body
        if body.length is None:
            if self.require_length:
                raise Reject(LENGTH_REQUIRED, "A request with a body must declare its Content-Length")
            body.map(self._counting())
        elif body.length > self.max:
            raise self._refusal()

    def _counting(self) -> Callable[[bytes], bytes]:
        left = int(self.max)

        def count(chunk: bytes) -> bytes:
            nonlocal left
            left -= len(chunk)
            if left < 0:
                raise self._refusal()
            return chunk

        return count

    def _refusal(self) -> Reject:
        return Reject(CONTENT_TOO_LARGE, f"The body of the request is larger than {int(self.max)} bytes")
