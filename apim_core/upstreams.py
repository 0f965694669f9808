"""The pools of connections to backends that one process has: what they have in common, and what they all counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs

from apim_core.http.deadlines import Sweeper
from apim_core.http.upstream import UpstreamPool
from apim_core.http.upstream_counts import UpstreamCounts
from apim_core.http.upstream_settings import Origin, UpstreamSettings

__all__ = ["OpenPool", "Upstreams"]


class Upstreams:
    """Opens pools. They share one sweeper, and what a closed one counted stays in the totals."""

    def __init__(self) -> None:
        self._sweeper = Sweeper()
        self._open: set[UpstreamPool] = set()
        self._closed: Counter[str] = Counter()

    async def open(self, origin: Origin, settings: UpstreamSettings, via: str) -> OpenPool:
        """A pool; ``via`` names the gateway to the backend. Raises ValueError for certificates that cannot be used."""
        pool = UpstreamPool(origin, settings, via=via, sweeper=self._sweeper)
        await pool.start()
        self._open.add(pool)
        return OpenPool(pool, self)

    def counts(self) -> Mapping[str, int]:
        """What happened so far, by the names of ``UpstreamCounts``; ``open`` is how many connections are open now."""
        total = self._closed.copy()
        for pool in self._open:
            total.update(_numbers(pool.counts))
        return total

    async def close(self, pool: UpstreamPool) -> None:
        """Close a pool."""
        await pool.stop()
        self._open.discard(pool)
        self._closed.update(_numbers(pool.counts))


@attrs.frozen
class OpenPool:
    """A pool that snapshots share; closed with the last of them."""

    pool: UpstreamPool
    _owner: Upstreams

    async def aclose(self) -> None:
        """Close it."""
        await self._owner.close(self.pool)


def _numbers(counts: UpstreamCounts) -> Mapping[str, int]:
    return attrs.asdict(counts)
