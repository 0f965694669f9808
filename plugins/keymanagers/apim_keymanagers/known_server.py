"""What is known of one authorization server, shared by all snapshots that trust it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from apim_sdk import Fetched

from apim_keymanagers.discovery import Discovery
from apim_keymanagers.keyset import KeySet, Loaded

__all__ = ["KnownServer"]


class _Caller(Protocol):
    """A snapshot's own way to the server."""

    def load_keys(self) -> Awaitable[Loaded]: ...
    def fetch(self, place: str) -> Awaitable[Fetched]: ...


class KnownServer:
    """Metadata and keys of a server. They are fetched the way of the newest snapshot that has joined and not left.

    A new configuration that is refused as a whole leaves again, and the one before goes on.
    """

    def __init__(self, discovery: Discovery, keys: KeySet) -> None:
        self.discovery = discovery
        self.keys = keys
        self._callers: list[_Caller] = []
        discovery.fetch = lambda place: self._newest().fetch(place)
        keys.load = lambda: self._newest().load_keys()

    def join(self, caller: _Caller) -> None:
        """Fetch by this one from now on."""
        self._callers.append(caller)

    def leave(self, caller: _Caller) -> None:
        """Fetch no longer by this one."""
        self._callers = [each for each in self._callers if each is not caller]

    def _newest(self) -> _Caller:
        if not self._callers:
            raise ConnectionError("the gateway has stopped: nobody trusts the server any more")
        return self._callers[-1]
