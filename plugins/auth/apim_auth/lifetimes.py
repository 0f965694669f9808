"""How long what is good once is good, where settings differ and change."""

from __future__ import annotations

from collections.abc import Callable

from apim_sdk import Clock

__all__ = ["Lifetimes"]


class Lifetimes:
    """The lifetimes that plugins want which remember in one place. Belongs to one event loop; all are in seconds.

    What was used must be remembered until no plugin takes it any more, which is ``window``. Where that gets longer,
    something may have been forgotten that would be good by the new settings: so what was made before is good no longer
    than it was then.
    """

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._wanted: list[tuple[float, float]] = []
        self._changed = float("-inf")
        self._longest_before = float("inf")

    @property
    def longest(self) -> float:
        """The longest lifetime, from when a thing says that it was made."""
        return max((lifetime for lifetime, _ in self._wanted), default=0.0)

    @property
    def ahead(self) -> float:
        """How far ahead of this clock the moment may be when a thing says that it was made."""
        return max((ahead for _, ahead in self._wanted), default=0.0)

    @property
    def window(self) -> float:
        """How long a thing must be remembered from its use on."""
        return self.longest + self.ahead

    def join(self, lifetime: float, ahead: float) -> Callable[[], None]:
        """Want this lifetime until what this answers is called."""
        wanted, longest, window = (lifetime, ahead), self.longest, self.window
        if self._wanted and (lifetime > longest or ahead > self.ahead):
            now = self._now()
            before = self._longest_before if now < self._changed + window else float("inf")
            self._longest_before = min(longest, before)
            self._changed = now + max(self.ahead, ahead)
        self._wanted.append(wanted)
        return lambda: self._wanted.remove(wanted)

    def of(self, made: float, lifetime: float) -> float:
        """How long a thing is good that says it was ``made`` then, where one that is made now is for ``lifetime``."""
        return lifetime if made > self._changed else min(lifetime, self._longest_before)
