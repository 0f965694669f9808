"""Refuse requests that lack a header."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from apim_sdk import Exchange, Policy, Reject, Status

__all__ = ["MyPlugin"]


@attrs.frozen
class MyPlugin(Policy):
    """Refuses requests that lack a header, and tells the client which one."""

    status = Status.EXPERIMENTAL
    example: ClassVar[Any] = {"header": "X-Team"}

    header: str
    """Name of the header that every request must have."""

    def on_request(self, exchange: Exchange) -> None:
        if self.header not in exchange.request.headers:
            raise Reject(400, f"The request lacks the header {self.header}")
