"""Turn requests away when the gateway itself has more to do than it can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import Context, Duration, Exchange, Expression, Policy, Reject, errors, state

from apim_traffic.bounds import longer_than_nothing, share
from apim_traffic.conditions import holds
from apim_traffic.gauges import show
from apim_traffic.overload import Overload, Rank

__all__ = ["LoadShedding"]

_TIMERS: Final = 10
"""How many timers run in an interval."""
_GAUGES: Final = (
    ("apim_load_shedding_share", "Share of the requests that is turned away", "share"),
    ("apim_load_shedding_lag_seconds", "Least lag of the event loop in the last interval", "lag"),
)


@attrs.frozen
class LoadShedding(Policy):
    """Turns away a growing share of the requests, with 503 and `Retry-After`, while the event loop of the gateway lags.

    The loop lags when there is more work than its core can do: everything waits in line, and soon every client gives up
    on answers that are made all the same. Lag counts if it stays over `lag` for a whole `interval`. The share that is
    turned away is then 29 %, and with each further such interval 42 %, 50 %, 55 % and so on, up to `max_share`; it
    shrinks quickly when the lag is gone.

    It belongs into the entry flow of the gateway, where a request has cost least. Health and metrics are on the
    management port, which it never touches. Each process measures its own loop.
    """

    example: ClassVar[Any] = {"lag": "50ms", "exempt_when": 'api.name == "payments"'}

    lag: Duration = attrs.field(default=Duration("50ms"), validator=longer_than_nothing)
    """How late the event loop may be."""
    interval: Duration = attrs.field(default=Duration("500ms"), validator=longer_than_nothing)
    """For how long it must be later than that, all the time."""
    max_share: float = attrs.field(default=0.9, validator=share)
    """The largest share that is turned away (over 0, up to 1); the rest tells whether it is over."""
    exempt_when: Expression | None = None
    """CEL expression that tells which requests are never turned away: `request.path == "/shop/health"`."""
    first_when: Expression | None = None
    """CEL expression that tells which requests to turn away before others: `request.headers["x-batch"] != null`. They
    lose twice the share, and the others none until all of these are gone."""
    retry_after: Duration = attrs.field(default=Duration("5s"), validator=longer_than_nothing)
    """When clients are told to come again."""
    _overload: Overload = state()
    _count_refused: Callable[[], None] = state()

    async def start(self, context: Context) -> None:
        place = context.place
        refused = context.metrics.counter(
            "apim_load_shedding_refused_total", "Requests turned away because the event loop lags", ("place",)
        )
        log = context.log

        def changed(overload: Overload) -> None:
            if overload.share:
                log.warning("the event loop lags; requests are turned away", lag=round(overload.lag, 4))
            else:
                log.info("the event loop is in time again; no request is turned away")

        overload = await context.shared(
            ("load-shedding", place, self.lag, self.interval, self.max_share),
            lambda: Overload(self.lag, self.interval, self.max_share, changed),
        )
        for name, description, field in _GAUGES:
            show(context, name, description, overload, attrgetter(field))
        context.spawn(self._measure(overload, context.clock.monotonic), "measure the lag of the event loop")
        self.hold(_overload=overload, _count_refused=lambda: refused(place))

    async def _measure(self, overload: Overload, now: Callable[[], float]) -> None:
        pause = self.interval / _TIMERS
        while True:
            due = now() + pause
            await asyncio.sleep(pause)
            late = now()
            overload.observe(late - due, late)

    def on_request(self, exchange: Exchange) -> None:
        overload = self._overload
        if not overload.share or holds(self.exempt_when, exchange):
            return
        rank = Rank.ALIKE
        if self.first_when is not None:
            rank = Rank.FIRST if holds(self.first_when, exchange) else Rank.LAST
        if overload.turns_away(rank):
            self._count_refused()
            raise Reject(errors.OVERLOADED, headers={"Retry-After": str(max(round(self.retry_after), 1))})
