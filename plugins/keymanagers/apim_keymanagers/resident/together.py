"""Signatures that are wanted in the same turn of the event loop are made one after the other.

A signature runs through so much code and so many tables that the interpreter finds little of its own in the caches of
the processor afterwards. With the requests of a turn first all read, then all signed, then all answered, that is paid
once a turn and not once a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from apim_keymanagers.resident.compact import base64url

__all__ = ["SignedTogether"]


class SignedTogether:
    """Makes signed tokens (RFC 7515, section 7.1) for many who ask at once; none for whoever is gone by then."""

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign
        self._waiting: list[tuple[bytes, asyncio.Future[str]]] = []

    def __call__(self, data: bytes) -> asyncio.Future[str]:
        """``data``, a dot and its signature, before the next turn of the loop is over."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._sign_all)
        token = loop.create_future()
        self._waiting.append((data, token))
        return token

    def _sign_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for data, token in waiting:
            if token.done():
                continue
            try:
                token.set_result((data + b"." + base64url(self._sign(data))).decode("ascii"))
            except Exception as error:
                token.set_exception(error)
