"""Try a call again that failed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import attrs
from apim_sdk import (
    Context,
    Duration,
    Exchange,
    Expression,
    Fault,
    Policy,
    Response,
    Send,
    Size,
    state,
)

from apim_traffic.back_off import BackOff
from apim_traffic.bounds import longer_than_nothing, positive, share
from apim_traffic.conditions import holds
from apim_traffic.deadlines import Deadlines, Late
from apim_traffic.endpoint_key import ENDPOINT, described, key_named
from apim_traffic.keyed import Keyed
from apim_traffic.outcomes import NOTHING_SENT, Failures, FaultName, check_statuses
from apim_traffic.replay import hold
from apim_traffic.retry_budget import RetryBudget
from apim_traffic.seldom import Seldom
from apim_traffic.upload import Upload, too_late, watch_upload

__all__ = ["Retry"]

_BUDGET_WINDOW = 10.0
"""Seconds over which requests and retries are counted."""


@attrs.frozen
class Retry(Policy):
    """Tries a call to the endpoint again when it fails, if that can do no harm.

    Tried again are requests with one of `methods` (by default those that are idempotent, RFC 9110, section 9.2.2) and
    those that `safe_when` marks; any other only where nothing of it has been sent, because there was no connection. A
    body must fit `max_body`. Before each retry it waits a random time, up to `first_delay`, then twice that and so on;
    longer where the backend says so by `Retry-After`. Retries may be a share `budget` of the requests to the endpoint,
    so that a backend that fails does not get several times the load. When there is nothing more to try, the client gets
    the last answer or fault. Each process counts for itself.

    What stands in front of this step in the list sees one call, what stands behind it sees every try.
    """

    example: ClassVar[Any] = {"retries": 2, "statuses": [502, 503, 504], "try_timeout": "2s", "total_timeout": "5s"}

    retries: int = attrs.field(default=2, validator=positive)
    """How often a call is tried again, at most."""
    statuses: tuple[int, ...] = attrs.field(default=(502, 503, 504), validator=check_statuses)
    """Statuses of the backend after which to try again."""
    faults: tuple[FaultName, ...] = ("connect", "timeout", "reset")
    """Faults after which to try again: no connection (101503, 101508), no answer in time (101504), a connection that
    broke (101500, 101501, 101505), an answer that is not HTTP (101506), no free connection (303002)."""
    retry_when: Expression | None = None
    """CEL expression that tells after what else: `response.status == 429`, `fault.code == "303002"`. The body of an
    answer may not have arrived yet."""
    methods: tuple[str, ...] = ("DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE")
    """Methods of requests that can be made twice without harm."""
    safe_when: Expression | None = None
    """CEL expression that marks other such requests: `request.headers["idempotency-key"] != null`."""
    max_body: Size = Size("64KiB")
    """The largest body of a request that is held so that it can be sent again."""
    first_delay: Duration = Duration("25ms")
    """The longest wait before the first retry; each further one doubles it."""
    max_delay: Duration = Duration("1s")
    """The longest wait, if the backend asks for none."""
    max_retry_after: Duration = Duration("5s")
    """The longest wait that the backend can ask for; if it asks for more, its answer goes to the client."""
    try_timeout: Duration | None = attrs.field(default=None, validator=attrs.validators.optional(longer_than_nothing))
    """How long each try may take until the head of its answer is there; then it is a fault (101504)."""
    total_timeout: Duration | None = attrs.field(default=None, validator=attrs.validators.optional(longer_than_nothing))
    """How long all tries and waits may take together, until the head of an answer is there."""
    budget: float = attrs.field(default=0.2, validator=share)
    """Share of the requests of the last ten seconds that retries may be (over 0, up to 1)."""
    budget_minimum: int = attrs.field(default=10, validator=attrs.validators.ge(0))
    """How many retries there may be in ten seconds in any case."""
    key: str = ENDPOINT
    """What has a budget of its own: `endpoint` (of each API; its sandbox and an operation's own endpoint apart), `api`,
    `operation`, `plan`, `application`, `subscription`, or a CEL expression such as `path.region`."""
    max_keys: int = attrs.field(default=1000, validator=positive)
    """How many budgets there are at most; past that the one unused for longest is forgotten."""
    _key: Callable[[Exchange], Hashable] = state()
    _failures: Failures = state()
    _failed: Callable[[Exchange, Response], bool] = state()
    _time: Callable[[], float] = state()
    _each: Deadlines | None = state()
    _total: Deadlines | None = state()
    _methods: frozenset[str] = state()
    _budgets: Callable[[Hashable], RetryBudget] = state()
    _back_off: BackOff = state()
    _count_retry: Callable[[], None] = state()
    _count_given_up: Callable[[str], None] = state()
    _spent: Seldom = state()

    def __attrs_post_init__(self) -> None:
        failures = Failures(self.statuses, self.faults, self.retry_when)
        self.hold(
            _key=key_named(self.key),
            _failures=failures,
            _failed=failures.in_answer,
            _methods=frozenset(self.methods),
        )

    async def start(self, context: Context) -> None:
        place, now = context.place, context.clock.monotonic
        counter = context.metrics.counter
        retries = counter("apim_retry_retries_total", "Calls that were tried again", ("place",))
        given_up = counter(
            "apim_retry_given_up_total", "Failed calls that were not tried again, by reason", ("place", "reason")
        )
        forgotten = counter("apim_retry_forgotten_keys_total", "Budgets forgotten for others", ("place",))

        ratio, minimum = self.budget, self.budget_minimum
        budgets = await context.shared(
            ("retry", place, ratio, minimum, self.key, self.max_keys),
            lambda: Keyed(
                lambda key: RetryBudget(ratio, minimum, _BUDGET_WINDOW, now), self.max_keys, lambda: forgotten(place)
            ),
        )
        self.hold(
            _budgets=budgets.get,
            _time=asyncio.get_running_loop().time,
            _each=None if self.try_timeout is None else Deadlines(self.try_timeout),
            _total=None if self.total_timeout is None else Deadlines(self.total_timeout),
            _back_off=BackOff(self.first_delay, self.max_delay, context.clock),
            _count_retry=lambda: retries(place),
            _count_given_up=lambda reason: given_up(place, reason),
            _spent=Seldom(context.log, now, "a budget of retries is spent"),
        )

    async def around(self, exchange: Exchange, send: Send) -> Response:
        budget = self._budgets(self._key(exchange))
        budget.request()
        safe = exchange.request.method in self._methods or holds(self.safe_when, exchange)
        held = safe and await hold(exchange.request.body, self.max_body)
        if self._each is None and self._total is None:
            return await self._tries(exchange, send, budget, safe, held, math.inf)
        upload = None if held else watch_upload(exchange, self._time)
        if self._each is not None:
            send = self._timed(send, self._each, upload)
        if self._total is None:
            return await self._tries(exchange, send, budget, safe, held, math.inf)
        try:
            until = self._time() + self._total.seconds
            return await self._total.within(self._tries(exchange, send, budget, safe, held, until))
        except Late:
            self._count_given_up("deadline")
            raise too_late(upload, f"no answer within {self.total_timeout}") from None

    async def _tries(
        self, exchange: Exchange, send: Send, budget: RetryBudget, safe: bool, held: bool, until: float
    ) -> Response:
        retries = 0
        while True:
            response: Response | None = None
            fault: Fault | None = None
            try:
                response = await send(exchange)
                if response.tunnel is not None or not self._failed(exchange, response):
                    return response
            except Fault as error:
                if not self._failures.in_fault(exchange, error):
                    raise
                fault = error
            delay = self._back_off.delay(retries, response)
            reason = self._obstacle(held, safe, fault, retries, delay, until)
            if reason is None and not budget.retry():
                reason = "budget"
                self._spent.tell(key=described(self._key(exchange), self.key))
            if reason is not None:
                self._count_given_up(reason)
                if response is None:
                    assert fault is not None
                    raise fault
                return response
            if response is not None:
                response.body.close()
                exchange.response = None
            self._count_retry()
            retries += 1
            await asyncio.sleep(delay)

    def _obstacle(
        self, held: bool, safe: bool, fault: Fault | None, retries: int, delay: float, until: float
    ) -> str | None:
        """Why there is no further try, if there is a reason beside the budget."""
        if not held and (fault is None or fault.kind.code not in NOTHING_SENT):
            return "body" if safe else "unsafe"
        if retries >= self.retries:
            return "retries"
        if delay > self.max_delay and delay > self.max_retry_after:
            return "retry-after"
        if self._time() + delay >= until:
            return "deadline"
        return None

    def _timed(self, send: Send, each: Deadlines, upload: Upload | None) -> Send:
        """The same call, with a time-out of its own."""

        async def timed(exchange: Exchange) -> Response:
            try:
                return await each.within(send(exchange))
            except Late:
                raise too_late(upload, f"no answer within {self.try_timeout}") from None

        return timed
