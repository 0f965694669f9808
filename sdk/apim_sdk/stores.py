"""Where state lives that outlasts a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar, Literal

import attrs

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["Batch", "Change", "Store"]


@attrs.frozen
class Change:
    """A key and its new value; None if it is gone."""

    key: str
    value: bytes | None


@attrs.frozen
class Batch:
    """Changes that ``Store.follow`` saw, in their order.

    ``first`` batches begin from nothing: what was known before is void. ``complete`` tells that all that is in the
    store has been told, and what comes next are changes as they happen.
    """

    changes: tuple[Change, ...]
    first: bool = False
    complete: bool = True


class Store(Plugin):
    """Keeps values by key, for all who use the same store: processes, and nodes where it is a server.

    Keys are texts of at most 512 characters, parts of them set off by ``/``. Every method raises OSError
    (ConnectionError, TimeoutError) where the store is away; whoever calls says what that means.
    """

    kind: ClassVar[str] = "store"
    shared_by: ClassVar[Literal["process", "node", "network"]] = "process"
    """Who sees the same values: one process, the processes of one machine, or all that reach the server."""

    async def get(self, key: str) -> bytes | None:
        """The value, None if there is none or it has expired."""
        raise NotImplementedError(f"{type(self).__name__} must define get()")

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        """Keep a value, for ``expires_in`` seconds if given."""
        raise NotImplementedError(f"{type(self).__name__} must define put()")

    async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
        """Keep a value where there is none; False, and nothing done, where there is. Of several callers one wins."""
        raise NotImplementedError(f"{type(self).__name__} must define add()")

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
        """Keep ``new`` where ``old`` is now (compare and swap); False, and nothing done, where something else is."""
        raise NotImplementedError(f"{type(self).__name__} must define replace()")

    async def take(self, key: str) -> bytes | None:
        """Remove the value and answer it; None if there is none. Of several callers one gets it."""
        raise NotImplementedError(f"{type(self).__name__} must define take()")

    async def delete(self, key: str) -> None:
        """Forget a value, if there is one."""
        raise NotImplementedError(f"{type(self).__name__} must define delete()")

    def scan(self, prefix: str) -> AsyncIterator[tuple[str, bytes]]:
        """Every key that begins with ``prefix``, with its value, in no order."""
        raise NotImplementedError(f"{type(self).__name__} must define scan()")

    def follow(self, prefix: str) -> AsyncIterator[Batch]:
        """All that is under ``prefix`` in batches, and then every change, within a second of its happening.

        It never ends by itself. Where changes were missed (the store was away) it begins again with a ``first`` batch;
        where the store stays away, it raises OSError, so that whoever follows knows, and can follow anew.
        Several changes of one key in a row may come as the last of them. Expiry is told as the key being gone.
        """
        raise NotImplementedError(f"{type(self).__name__} must define follow()")

    @hookimpl
    @classmethod
    def apim_register_store(cls) -> type[Store]:
        """Register the class itself."""
        return cls
