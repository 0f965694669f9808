"""The header fields that a client sends again and again, and what was made of them the last time."""

from __future__ import annotations

import attrs
from apim_sdk.headers import Headers
from apim_sdk.identity import Client

__all__ = ["KnownHeaders", "Written"]


@attrs.frozen
class Written:
    """Header fields as they go to a backend, with all that they depend on besides the fields themselves."""

    writer: object
    client: Client | None
    host: str
    scheme: str
    lines: bytes


class KnownHeaders(Headers):
    """Fields that requests share as long as nobody changes them (``Headers.share``).

    ``written`` is how they were last written to a backend; it lives as long as the connection of the client, or until
    that sends others.
    """

    __slots__ = ("written",)

    def __init__(self, headers: Headers) -> None:
        super().__init__()
        self._items = list(headers.raw())
        self.written: Written | None = None
