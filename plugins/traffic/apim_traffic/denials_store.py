"""Conditions of a denylist that are kept in a store, so that they count without a reload."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, cast

from apim_sdk import Batch, Logger, Store
from apim_sdk.engine import engine

from apim_traffic.denials import Condition, Denials

__all__ = ["StoredDenials"]

_PREFIX: Final = "deny/"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_AGAIN_AFTER: Final = 1.0
"""Seconds until the store is asked again after it was away."""


class StoredDenials:
    """The conditions under ``deny/<id>``, each a JSON object as a condition is written in the configuration.

    ``follow`` must run for changes to be noticed; ``known`` is set once all is known. An entry that is no condition
    is logged and denies nobody; past ``most`` entries, new ones are left out, of which ``left_out`` is told.
    """

    def __init__(self, store: Store, most: int, log: Logger, left_out: Callable[[], None]) -> None:
        self.denials = Denials()
        self.known = asyncio.Event()
        self._store = store
        self._most = most
        self._log = log
        self._left_out = left_out
        self._conditions: dict[str, Condition] = {}

    async def follow(self) -> None:
        """Notice every change, for as long as it runs. While the store is away, what was known goes on counting."""
        while True:
            try:
                async with aclosing(cast(Any, self._store.follow(_PREFIX))) as batches:
                    async for batch in batches:
                        self._take(batch)
            except OSError as error:
                self._log.warning("the store of denials is away; those known go on counting", error=str(error))
                await asyncio.sleep(_AGAIN_AFTER)

    async def write(self, arguments: Mapping[str, Any]) -> None:
        """The action ``deny``: keep a ``condition`` under an ``id``, or remove it where it is null.

        Raises ValueError for what is no condition, OSError where the store is away.
        """
        id_, condition = arguments.get("id"), arguments.get("condition", ...)
        if not isinstance(id_, str) or not _ID.fullmatch(id_) or condition is ... or len(arguments) > 2:
            raise ValueError("a denial has an `id` and a `condition`, which is null to remove it")
        if condition is None:
            await self._store.delete(_PREFIX + id_)
            return
        try:
            engine().structure(condition, Condition)
        except Exception as error:  # the engine's own, which names each mistake
            raise ValueError(f"the condition is no good: {error}") from error
        await self._store.put(_PREFIX + id_, json.dumps(condition).encode())

    def _take(self, batch: Batch) -> None:
        if batch.first:
            self._conditions = {}
        for change in batch.changes:
            condition = None if change.value is None else self._condition(change.key, change.value)
            if condition is None:
                self._conditions.pop(change.key, None)
            elif change.key in self._conditions or len(self._conditions) < self._most:
                self._conditions[change.key] = condition
            else:
                self._left_out()
        if batch.complete:
            self.denials = Denials(self._conditions.values())
            self.known.set()

    def _condition(self, key: str, value: bytes) -> Condition | None:
        try:
            return cast(Condition, engine().structure(json.loads(value), Condition))
        except Exception as error:  # the engine's own, which names each mistake, or a ValueError of JSON
            self._log.error("an entry of the denylist is no condition, and denies nobody", entry=key, error=str(error))
            return None
