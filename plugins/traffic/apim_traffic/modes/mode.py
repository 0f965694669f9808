"""What all modes have in common."""

from __future__ import annotations

from collections.abc import Awaitable

from apim_sdk import Grant, Limit
from apim_sdk.counting import Key

from apim_traffic.modes.fallback import Fallback
from apim_traffic.modes.keys import text_of
from apim_traffic.modes.parts import Parts

__all__ = ["Mode"]


class Mode:
    """A counter over a store; see ``apim_traffic.counter.Counter``. It belongs to one event loop."""

    bound = ""
    """The most that all processes together let through, in words."""

    def __init__(self, parts: Parts) -> None:
        self.limit: Limit = parts.limit
        self._parts = parts
        self._link = parts.link
        self._counter = parts.counter
        self._timeout = parts.timeout
        self._monotonic = parts.clock.monotonic
        self._fallback = Fallback(parts)

    def take(self, key: Key, cost: int = 1) -> float | Awaitable[float]:
        """Take ``cost`` units, or say how long to wait for them."""
        raise NotImplementedError

    def settle(self, key: Key, units: int) -> Awaitable[None] | None:
        """Take ``units`` more, whether they are there or not; negative ones are given back."""
        if self._link.away:
            self._fallback.owe(key, units)
            return None
        return self._settle(key, units)

    async def _settle(self, key: Key, units: int) -> None:
        asked = self._monotonic()
        try:
            grant = await self._link.ask(self._timeout, self._counter.settle, text_of(key), units)
        except OSError:
            self._fallback.owe(key, units)
        else:
            self.learned(key, grant, asked)

    def standing(self, key: Key) -> Grant:
        """How the key stands, as far as the process knows."""
        alone = self._fallback.standing(key) if self._link.away else None
        return self.known(key) if alone is None else alone

    async def reset(self, key: Key) -> None:
        """Make the key as good as new, at the store too. Raises OSError where that is away."""
        self._fallback.reset(key)
        self.forget(key)
        await self._link.ask(self._timeout, self._counter.reset, text_of(key))
        self.forget(key)  # what was on its way meanwhile

    async def aclose(self) -> None:
        """Let go of what is held. Called when the last snapshot that uses the counter has stopped."""

    # What a mode says of its keys

    def learned(self, key: Key, grant: Grant, asked: float) -> None:
        """The store said this of a key, to a question that was asked then."""

    def known(self, key: Key) -> Grant:
        """How the key stands, by what the mode knows."""
        raise NotImplementedError

    def forget(self, key: Key) -> None:
        """The key is as good as new."""
        raise NotImplementedError
