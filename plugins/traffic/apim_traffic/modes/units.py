"""Units that a process holds: how many, and how long they are good for.

A lease must not let more through than the store would. What decides is how the algorithm gives units back with time:

* fixed-window, sliding-window: units count in the window in which they were taken, so they are good until it ends.
* gcra: the store's bucket fills meanwhile, by one unit in each emission interval. Each unit taken moved the theoretical
  arrival time on by one interval, and is good until its own interval begins: then the bucket gets it again. So bucket
  and leases together never hold more than the burst.
* sliding-log: units count from when they were taken. They may be spent later, so a process holds very few of them.

Time is that of the process's monotonic clock, counted from when it asked: the store answered later than that, so a
lease ends here before it does there.
"""

from __future__ import annotations

from apim_sdk import Grant, Limit

__all__ = ["NOTHING", "Units"]


class Units:
    """What is left of one grant."""

    __slots__ = ("_interval", "asked", "dropped", "ends", "good", "least", "left", "life", "taken", "until")

    def __init__(self, limit: Limit, grant: Grant, left: int, asked: float, life: float) -> None:
        self.asked = asked
        self.dropped = 0
        """Units that were not spent while they were good."""
        self.left = self.taken = left
        """Units that are not spent, and those there were."""
        self.least = -1
        """More are to be asked for when fewer than this are left."""
        self.life = life
        self.until = asked + life
        """When what is left goes back."""
        self._interval = 0.0
        if limit.algorithm == "gcra":
            self._interval = limit.seconds / limit.units
            self.ends = asked + grant.reset
        elif limit.algorithm == "fixed-window":
            self.ends = asked + grant.reset
        elif limit.algorithm == "sliding-window":
            self.ends = asked + grant.reset - limit.seconds
        else:
            self.ends = self.until
        self.good = min(self.until, self.ends - left * self._interval)
        """Until when all of them are good."""

    def trim(self, now: float) -> int:
        """Drop those that are no longer good; how many are left."""
        if now >= self.until:
            return 0
        left = min(self.left, self._good(now, most=self.left))
        self.dropped += self.left - left
        self.left = left
        self.good = min(self.until, self.ends - self.left * self._interval)
        return self.left

    def put_back(self, units: int, now: float) -> bool:
        """Take back what was spent of them, if as many were and are still good."""
        left = self.left + units
        if now >= self.until or left > min(self.taken - self.dropped, self._good(now, most=self.taken)):
            return False
        self.left = left
        self.good = min(self.until, self.ends - left * self._interval)
        return True

    def returnable(self, arrival: float, margin: float) -> int:
        """How many of them may go back, if that arrives at the store then.

        What time has given back is not given back again; and with gcra, whatever goes back makes the units of others
        good for less time than they believe, so ``margin`` units have to be missing in the bucket even then.
        """
        return min(self.left, max(self._good(arrival, margin, self.left), 0))

    def _good(self, now: float, margin: float = 0.0, most: int = 0) -> int:
        """How many units of the grant are good: ``most``, where all are at any time."""
        if now >= self.ends:
            return 0
        return int((self.ends - now) / self._interval - margin) if self._interval else most


NOTHING = Units(Limit(1, 1.0), Grant(0, 0.0, 0, 0.0), 0, float("-inf"), 0.0)
"""No units; nobody changes it."""
