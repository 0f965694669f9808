"""How a key stood when the store last said so, and how it therefore stands now."""

from __future__ import annotations

from apim_sdk import Grant, Limit

__all__ = ["Standing"]


class Standing:
    """What a process knows of a key: so many units were left, and the limit is as good as new at ``reset_at``.

    Times are seconds of the process's own monotonic clock: nothing that is known by another clock is compared with it.
    """

    __slots__ = ("remaining", "reset_at")

    def __init__(self) -> None:
        self.remaining: int | None = None
        self.reset_at = 0.0

    def note(self, grant: Grant, asked: float) -> None:
        """Keep what the store said to a question that was asked then."""
        self.remaining = grant.remaining
        self.reset_at = asked + grant.reset

    def left(self, limit: Limit, now: float) -> int:
        """Units that are left at the store, if nobody else has taken some since."""
        if self.remaining is None or now >= self.reset_at:
            return limit.most
        if limit.algorithm == "gcra":
            return max(int(limit.burst - (self.reset_at - now) * limit.units / limit.seconds), self.remaining)
        return self.remaining

    def tell(self, limit: Limit, now: float, held: int = 0) -> Grant:
        """How the key stands, with the units that the process holds itself."""
        left = min(self.left(limit, now) + held, limit.most)
        reset = max(self.reset_at - now, 0.0)
        return Grant(0, 0.0 if left else reset, left, reset)

    def idle(self, now: float) -> bool:
        """Whether the limit is as good as new."""
        return now >= self.reset_at
