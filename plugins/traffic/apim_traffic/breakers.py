"""The circuit breakers of one step: one for each key. They outlast a reload."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import attrs
from apim_sdk import Clock, Logger, Store

from apim_traffic.breaker import Breaker, Rules, State
from apim_traffic.endpoint_key import digest_of
from apim_traffic.keyed import Keyed
from apim_traffic.openings import Opening, Openings
from apim_traffic.rolling import Window

__all__ = ["Breakers", "Reports"]

_ELSEWHERE = "another node opened it"


@attrs.frozen
class Reports:
    """Where news of breakers go."""

    log: Logger
    describe: Callable[[Hashable], str]
    """A key as the log may show it."""
    changed: Callable[[State], None]
    forgot: Callable[[], None]
    store_failed: Callable[[], None]


class _Maker:
    """Makes the breakers, and passes on what they tell. It knows none of them, so that no circle keeps them alive."""

    def __init__(
        self, rules: Rules, window: Callable[[], Window], clock: Clock, reports: Reports, openings: Openings | None
    ) -> None:
        self._rules = rules
        self._window = window
        self._clock = clock
        self._reports = reports
        self._openings = openings

    def make(self, key: Hashable) -> Breaker:
        """The breaker of a key: open if another node's is."""
        breaker = Breaker(key, self._rules, self._window(), self._clock.monotonic, self._changed)
        opening = None if self._openings is None else self._openings.current(digest_of(key))
        if opening is not None:
            self.take_over(breaker, opening)
        return breaker

    def take_over(self, breaker: Breaker, opening: Opening) -> None:
        """Open a breaker that another node has opened, if that lasts longer than what it does anyway.

        Whatever the store says, it is not longer than this breaker would ever be open by itself.
        """
        most = self._rules.max_open_duration
        remaining = min(opening.remaining(self._clock.now()), most)
        if breaker.state is not State.OPEN or breaker.remaining < remaining:
            breaker.suspend(min(opening.duration, most), remaining, _ELSEWHERE)

    def _changed(self, breaker: Breaker, reason: str) -> None:
        reports, state = self._reports, breaker.state
        reports.changed(state)
        key = reports.describe(breaker.key)
        if state is State.OPEN:
            reports.log.warning("a circuit breaker opened", key=key, reason=reason, seconds=round(breaker.remaining, 3))
        else:
            reports.log.info(f"a circuit breaker is {state.value}", key=key, reason=reason)
        if self._openings is None or reason is _ELSEWHERE:
            return
        if state is State.OPEN:
            self._openings.opened(digest_of(breaker.key), breaker.duration)
        elif state is State.CLOSED:
            self._openings.closed(digest_of(breaker.key))


class Breakers:
    """See the module. ``prefix`` is where openings are shared in a store, None where they are not."""

    def __init__(
        self, rules: Rules, window: Callable[[], Window], size: int, clock: Clock, reports: Reports, prefix: str | None
    ) -> None:
        self._reports = reports
        self._openings = None if prefix is None else Openings(prefix, size, clock)
        self._maker = _Maker(rules, window, clock, reports, self._openings)
        self._breakers = Keyed(self._maker.make, size, reports.forgot)
        self.get = self._breakers.get
        """The breaker of a key."""

    @property
    def open(self) -> int:
        """How many of them are not closed."""
        return sum(breaker.state is not State.CLOSED for breaker in self._breakers)

    async def publish(self, store: Store) -> None:
        """Tell openings to other nodes, for good."""
        if self._openings is not None:
            await self._openings.publish(store, self._reports.log, self._reports.store_failed)

    async def follow(self, store: Store) -> None:
        """Take over the openings of other nodes, for good."""
        if self._openings is not None:
            await self._openings.follow(store, self._heard, self._reports.log, self._reports.store_failed)

    def _heard(self, name: str, opening: Opening | None) -> None:
        for breaker in self._breakers:
            if digest_of(breaker.key) == name:
                if opening is not None:
                    self._maker.take_over(breaker, opening)
                elif breaker.state is State.OPEN:
                    breaker.half_open("another node's opening is over")
