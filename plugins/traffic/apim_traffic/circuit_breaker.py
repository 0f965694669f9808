"""Stop calling a backend that fails."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

import attrs
from apim_sdk import (
    Context,
    Duration,
    Exchange,
    Expression,
    Fault,
    Headers,
    Policy,
    Reject,
    Response,
    Send,
    Template,
    errors,
    state,
)

from apim_traffic.bounds import longer_than_nothing, positive, share
from apim_traffic.breaker import IGNORED, Breaker, Rules, State
from apim_traffic.breakers import Breakers, Reports
from apim_traffic.endpoint_key import ENDPOINT, described, digest_of, key_named
from apim_traffic.gauges import show
from apim_traffic.outcomes import Failures, FaultName, check_statuses
from apim_traffic.rolling import FAILED, SLOW, CountWindow, TimeWindow, Window
from apim_traffic.upload import Upload, watch_upload

__all__ = ["CircuitBreaker", "Fallback"]


@attrs.frozen
class Fallback:
    """What to answer while the breaker is open, in the place of an error."""

    status: int = attrs.field(
        default=200, validator=attrs.validators.and_(attrs.validators.ge(200), attrs.validators.le(599))
    )
    """HTTP status of the answer."""
    headers: Mapping[str, Template] = attrs.field(factory=dict)
    """Header fields of the answer."""
    body: Template | None = None
    """Body of the answer; without it, it is empty."""
    content_type: str = "application/json"
    """Media type of the body."""

    def answer(self, exchange: Exchange) -> Response:
        """The answer to one exchange."""
        headers = Headers((name, value.render(exchange)) for name, value in self.headers.items())
        if self.body is None:
            return Response(self.status, headers)
        headers.set("Content-Type", self.content_type)
        return Response(self.status, headers, self.body.render(exchange).encode())


@attrs.frozen
class CircuitBreaker(Policy):
    """Stops calls to an endpoint when too many of them fail or are slow, and probes it with a few before it is trusted
    again.

    A stopped call is answered at once: 503 with code 303001 and `Retry-After`, or what `fallback` says. The breaker
    opens when, of at least `minimum_calls` in the window, `failure_ratio` failed or `slow_ratio` were slow. It stays
    open for `open_duration`; then `probes` calls may pass, no more at once than that. If they are all good it closes;
    one that is bad opens it again, each time `factor` times as long, up to `max_open_duration`.

    A call that says nothing of the backend (the client went away, its request was broken) does not count, but one that
    a client gave up after `slow_duration` is slow. Each process counts for itself; with `shared`, an opening holds for
    all nodes. The state outlasts a reload.
    """

    example: ClassVar[Any] = {
        "failure_ratio": 0.5,
        "slow_duration": "2s",
        "open_duration": "10s",
        "fallback": {"status": 200, "body": '{"items": []}'},
    }

    window: Duration = attrs.field(default=Duration("30s"), validator=longer_than_nothing)
    """How far back calls count."""
    window_calls: int | None = attrs.field(default=None, validator=attrs.validators.optional(positive))
    """Let the last so many calls count instead, however old they are."""
    minimum_calls: int = attrs.field(default=20, validator=positive)
    """How many calls must be in the window before it says anything."""
    failure_ratio: float = attrs.field(default=0.5, validator=share)
    """Share of failed calls (over 0, up to 1) that opens the breaker."""
    slow_duration: Duration | None = None
    """A call is slow if the head of its answer takes as long, the time left out in which the client is still sending
    its request. Without it, none is."""
    slow_ratio: float = attrs.field(default=0.8, validator=share)
    """Share of slow calls (over 0, up to 1) that opens the breaker."""
    statuses: tuple[int, ...] = attrs.field(default=(500, 502, 503, 504), validator=check_statuses)
    """Statuses of the backend that are failures."""
    faults: tuple[FaultName, ...] = ("connect", "timeout", "reset", "protocol")
    """Faults that are failures: no connection (101503, 101508), no answer in time (101504), a connection that broke
    (101500, 101501, 101505), an answer that is not HTTP (101506), no free connection (303002)."""
    failure_when: Expression | None = None
    """CEL expression that makes a failure of more: `response.status == 429`, `fault.code == "303002"`. The body of
    an answer may not have arrived yet."""
    open_duration: Duration = attrs.field(default=Duration("10s"), validator=longer_than_nothing)
    """How long the breaker is open at first."""
    factor: float = attrs.field(default=2.0, validator=attrs.validators.ge(1))
    """By what that grows each time the probes fail."""
    max_open_duration: Duration = Duration("2m")
    """The longest that it is open."""
    probes: int = attrs.field(default=3, validator=positive)
    """How many calls must be good before the breaker closes; as many may be under way at once."""
    key: str = ENDPOINT
    """What has a breaker of its own: `endpoint` (of each API; its sandbox and an operation's own endpoint apart),
    `api`, `operation`, `plan`, `application`, `subscription`, or a CEL expression such as `path.region`. What clients
    can make up makes a bad key."""
    max_keys: int = attrs.field(default=1000, validator=positive)
    """How many breakers there are at most; past that the one unused for longest is forgotten."""
    fallback: Fallback | None = None
    """What to answer while the breaker is open, in the place of an error."""
    shared: str | None = None
    """Store by which nodes tell each other of openings. While it is away, each goes by what it sees itself."""
    _key: Callable[[Exchange], Hashable] = state()
    _failures: Failures = state()
    _failed: Callable[[Exchange, Response], bool] = state()
    _slow_after: float = state()
    _get: Callable[[Any], Breaker] = state()
    _monotonic: Callable[[], float] = state()
    _count_refused: Callable[[], None] = state()

    def __attrs_post_init__(self) -> None:
        if self.window_calls is not None and self.window_calls < self.minimum_calls:
            raise ValueError("`minimum_calls` may not be more than `window_calls`: the breaker would never open")
        if self.max_open_duration < self.open_duration:
            raise ValueError("`max_open_duration` may not be shorter than `open_duration`")
        failures = Failures(self.statuses, self.faults, self.failure_when)
        slow_after = math.inf if self.slow_duration is None else float(self.slow_duration)
        self.hold(_key=key_named(self.key), _failures=failures, _failed=failures.in_answer, _slow_after=slow_after)

    async def start(self, context: Context) -> None:
        place = context.place
        refused = context.metrics.counter(
            "apim_circuit_breaker_refused_total", "Calls that an open circuit breaker stopped", ("place",)
        )
        breakers = await context.shared(("circuit-breaker", place, self._identity()), lambda: self._breakers(context))
        show(
            context, "apim_circuit_breakers_open", "Circuit breakers that are not closed", breakers, attrgetter("open")
        )
        if self.shared is not None:
            store = context.store(self.shared)
            context.spawn(breakers.publish(store), "tell openings")
            context.spawn(breakers.follow(store), "follow openings")
        self.hold(_get=breakers.get, _monotonic=context.clock.monotonic, _count_refused=lambda: refused(place))

    def _identity(self) -> tuple[Any, ...]:
        """What a breaker's state depends on; a change begins anew."""
        return (self._rules(), self.window, self.window_calls, self.key, self.max_keys, self.shared)

    def _rules(self) -> Rules:
        return Rules(
            self.minimum_calls,
            self.failure_ratio,
            self.slow_ratio,
            self.probes,
            self.open_duration,
            self.factor,
            self.max_open_duration,
        )

    def _breakers(self, context: Context) -> Breakers:
        place = context.place
        counter = context.metrics.counter
        changes = counter("apim_circuit_breaker_changes_total", "Changes of circuit breakers", ("place", "state"))
        forgotten = counter(
            "apim_circuit_breaker_forgotten_keys_total", "Circuit breakers forgotten for others", ("place",)
        )
        failures = counter(
            "apim_circuit_breaker_store_failures_total", "Openings that could not be shared, or followed", ("place",)
        )

        def changed(new: State) -> None:
            changes(place, new.value)

        word = self.key
        reports = Reports(
            context.log, lambda key: described(key, word), changed, lambda: forgotten(place), lambda: failures(place)
        )
        prefix = None if self.shared is None else f"circuit-breaker/{digest_of((place, self.key))}/"
        window: Callable[[], Window] = partial(TimeWindow, self.window)
        if self.window_calls is not None:
            window = partial(CountWindow, self.window_calls)
        return Breakers(self._rules(), window, self.max_keys, context.clock, reports, prefix)

    async def around(self, exchange: Exchange, send: Send) -> Response:
        breaker = self._get(self._key(exchange))
        ticket = breaker.enter()
        if not ticket:
            return self._refused(exchange, breaker)
        outcome = IGNORED
        monotonic = self._monotonic
        upload = watch_upload(exchange, monotonic)
        started = monotonic()
        try:
            response = await send(exchange)
            outcome = FAILED if self._failed(exchange, response) else 0
        except Fault as fault:
            if self._failures.in_fault(exchange, fault):
                outcome = FAILED
            raise
        except asyncio.CancelledError:
            if self._slow(started, upload):
                outcome = SLOW
            raise
        finally:
            if outcome != IGNORED and self._slow(started, upload):
                outcome |= SLOW
            breaker.leave(ticket, outcome, monotonic())
        return response

    def _slow(self, started: float, upload: Upload | None) -> bool:
        slow_after = self._slow_after
        if slow_after == math.inf:
            return False
        taken = self._monotonic() - started
        return taken >= slow_after and (upload is None or taken - upload.waited >= slow_after)

    def _refused(self, exchange: Exchange, breaker: Breaker) -> Response:
        self._count_refused()
        if self.fallback is not None:
            return self.fallback.answer(exchange)
        seconds = max(math.ceil(breaker.remaining), 1)
        raise Reject(errors.ENDPOINT_SUSPENDED, headers={"Retry-After": str(seconds)})
