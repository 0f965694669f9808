"""Hybrid: a large share of each window is decided without asking, the last part exactly.

**Theory.** WSO2 API Manager keeps a buffer of 20 % of the limit and lets each gateway decide by itself on its part of
the rest, LQ = (T - 20 % of T) / gateways; when that is used, each call asks the shared counter until the window ends.
There, what was decided alone is told afterwards, so gateways that are not equally busy let more through than the
limit. Here the share is taken at the store first, and what of it is not spent within ``sync_interval`` goes back; the
share can be taken again in the same window as far as it was not spent.

**Cost.** One question for each key in each ``sync_interval`` until the share is used, then one for each call; refusals
are remembered as with ``lease``.

**Bound.** allowed <= limit; for sliding-log 0.5 % more. Less than the limit passes, for a ``sync_interval`` (with gcra
until time has given the share back), where one process holds a share that it does not use and another has used all
else.
"""

from __future__ import annotations

from typing import Final

from apim_sdk.counting import Key

from apim_traffic.modes.lease import Leasing
from apim_traffic.modes.leased import Leased
from apim_traffic.modes.parts import Parts
from apim_traffic.modes.units import Units

__all__ = ["Hybrid"]

_BUFFER: Final = 0.2
"""Part of the limit that is only given for single calls."""
_SLACK: Final = 0.005
"""Part of the limit by which shares may pass it, where they can."""


class _Share(Leased):
    """One key, and how much of this process's share it has used."""

    __slots__ = ("ends", "used")

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.used = 0
        self.ends = float("-inf")
        """When the share may be taken anew."""


class Hybrid(Leasing):
    """Decides by a share of the window, then by questions."""

    bound = "allowed <= limit; with sliding-log 0.5 % more"
    new = _Share

    def __init__(self, parts: Parts) -> None:
        # With gcra time gives units back; for shares as large as these nothing else may.
        gcra = parts.limit.algorithm == "gcra"
        super().__init__(parts, parts.limit.seconds if gcra else parts.sync_interval, _SLACK)

    def ahead(self, leased: Leased, now: float) -> int:
        assert isinstance(leased, _Share)
        if now >= leased.ends:
            leased.used = 0
        most = self.limit.most
        buffer = int(_BUFFER * most)
        share = (most - buffer) // self._link.members - leased.used
        return max(min(share, leased.left(self.limit, now) - buffer, self.bearable()), 0)

    def bearable(self) -> int:
        return self.limit.most if self.limit.algorithm == "gcra" else super().bearable()

    def held(self, leased: Leased, units: Units) -> None:
        assert isinstance(leased, _Share)
        super().held(leased, units)
        if not leased.used:
            windows = self.limit.algorithm in ("fixed-window", "sliding-window")
            leased.ends = units.ends if windows else units.asked + self.limit.seconds
        leased.used += units.left

    def unspent(self, leased: Leased, units: Units) -> None:
        assert isinstance(leased, _Share)
        leased.used = max(leased.used - units.left - units.dropped, 0)
