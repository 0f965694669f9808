"""Bound how many calls to a backend are under way by how fast it answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, Exchange, Fault, Policy, Reject, Response, Send, errors, state

from apim_traffic.bounds import longer_than_nothing, positive, share
from apim_traffic.endpoint_key import ENDPOINT, described, key_named
from apim_traffic.gauges import show
from apim_traffic.gradient import Gradient, Tuning
from apim_traffic.keyed import Keyed
from apim_traffic.seldom import Seldom
from apim_traffic.upload import watch_upload
from apim_traffic.watched import when_over

__all__ = ["AdaptiveConcurrency"]


@attrs.frozen
class AdaptiveConcurrency(Policy):
    """Lets as many calls to an endpoint be under way at once as it can take, and finds out by itself how many that are.

    It compares how long answers take now with how long they take when there is little to do. As long as that is about
    the same the limit grows; when answers take longer, calls wait within the backend, and the limit shrinks. A call
    over the limit is answered at once: 503, code 303002 and `Retry-After`. A call is under way until the backend has
    given its whole answer, or the client has left. Answers with 5xx say nothing of time, for a failure is quick. Each
    process finds out for itself.
    """

    example: ClassVar[Any] = {"initial_limit": 50, "max_limit": 500}

    initial_limit: int = attrs.field(default=20, validator=positive)
    """How many calls may be under way at first."""
    min_limit: int = attrs.field(default=3, validator=positive)
    """How many may be in any case."""
    max_limit: int = attrs.field(default=1000, validator=positive)
    """How many may be at most."""
    tolerance: float = attrs.field(default=0.25, validator=attrs.validators.ge(0))
    """By what share answers may take longer than they do when there is little to do before the limit shrinks."""
    window: Duration = attrs.field(default=Duration("100ms"), validator=longer_than_nothing)
    """Over which time answers are looked at together; longer where there are fewer than ten."""
    percentile: float = attrs.field(default=0.5, validator=share)
    """Which of these answers, from fast to slow, stands for all: 0.5 is the median."""
    interval: Duration = attrs.field(default=Duration("60s"), validator=longer_than_nothing)
    """After which time to measure again how long answers take when there is little to do. For that the limit is halved
    for one window."""
    jitter: float = attrs.field(default=0.15, validator=attrs.validators.ge(0))
    """Share of the interval by which it is stretched, by chance, so that nodes do not measure together."""
    key: str = ENDPOINT
    """What has a limit of its own: `endpoint` (of each API; its sandbox and an operation's own endpoint apart), `api`,
    `operation`, or a CEL expression such as `path.region`."""
    max_keys: int = attrs.field(default=1000, validator=positive)
    """How many limits there are at most; past that the one unused for longest is forgotten."""
    _key: Callable[[Exchange], Hashable] = state()
    _limits: Callable[[Hashable], Gradient] = state()
    _monotonic: Callable[[], float] = state()
    _count_refused: Callable[[], None] = state()
    _told: Seldom = state()

    def __attrs_post_init__(self) -> None:
        if not self.min_limit <= self.initial_limit <= self.max_limit:
            raise ValueError("`initial_limit` must lie between `min_limit` and `max_limit`")
        self.hold(_key=key_named(self.key))

    async def start(self, context: Context) -> None:
        place, now = context.place, context.clock.monotonic
        counter = context.metrics.counter
        refused = counter("apim_adaptive_concurrency_refused_total", "Calls over an adaptive limit", ("place",))
        forgotten = counter(
            "apim_adaptive_concurrency_forgotten_keys_total", "Adaptive limits forgotten for others", ("place",)
        )
        tuning = Tuning(
            self.initial_limit,
            self.min_limit,
            self.max_limit,
            self.tolerance,
            self.window,
            self.interval,
            self.jitter,
            self.percentile,
        )
        limits = await context.shared(
            ("adaptive-concurrency", place, tuning, self.key, self.max_keys),
            lambda: Keyed(lambda key: Gradient(tuning, now), self.max_keys, lambda: forgotten(place)),
        )
        show(
            context,
            "apim_adaptive_concurrency_limit",
            "The lowest adaptive limit of concurrency",
            limits,
            lambda known: min((gradient.limit for gradient in known), default=float(tuning.initial)),
        )
        self.hold(
            _limits=limits.get,
            _monotonic=now,
            _count_refused=lambda: refused(place),
            _told=Seldom(context.log, now, "an adaptive limit is reached"),
        )

    async def around(self, exchange: Exchange, send: Send) -> Response:
        key = self._key(exchange)
        gradient = self._limits(key)
        if not gradient.enter():
            raise self._refusal(key, gradient)
        leave = _Once(gradient.leave)
        upload = watch_upload(exchange, self._monotonic)
        started = self._monotonic()
        try:
            response = await send(exchange)
            if response.status < 500:
                gradient.sample(started, 0.0 if upload is None else upload.waited)
            if when_over(response, leave):
                exchange.defer(leave)
            else:
                leave()
        except BaseException as error:
            leave()
            if isinstance(error, Fault) and error.kind.code == errors.ENDPOINT_TIMEOUT.code:
                gradient.sample(started, 0.0 if upload is None else upload.waited)
            raise
        return response

    def _refusal(self, key: Hashable, gradient: Gradient) -> Reject:
        self._count_refused()
        self._told.tell(key=described(key, self.key), limit=int(gradient.limit), measuring=gradient.measuring)
        return Reject(errors.ENDPOINT_FULL, headers={"Retry-After": "1"})


class _Once:
    """A call that is made the first time it is asked for."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()
