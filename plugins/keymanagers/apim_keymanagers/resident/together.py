"""Signatures that are wanted in the same turn of the event loop are made one after the other.

A signature runs through so much code and so many tables that the interpreter finds little of its own in the caches of
the processor afterwards. With the requests of a turn first all read, then all signed, then all answered, that is paid
once a turn and not once a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["SignedTogether"]


class SignedTogether:
    """A function that signs, for many who ask at once. Whoever is cancelled before the turn is over gets no signature,
    and there is none to wait for."""

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign
        self._waiting: list[tuple[bytes, asyncio.Future[bytes]]] = []

    def __call__(self, data: bytes) -> asyncio.Future[bytes]:
        """The signature of ``data``, before the next turn of the loop is over."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._sign_all)
        signature = loop.create_future()
        self._waiting.append((data, signature))
        return signature

    def _sign_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for data, signature in waiting:
            if signature.done():
                continue
            try:
                signature.set_result(self._sign(data))
            except Exception as error:
                signature.set_exception(error)
