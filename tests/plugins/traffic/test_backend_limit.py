"""What goes to a backend is bounded, whoever it is from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Exchange, Fault, KeyType, Response, errors
from apim_sdk.testing import FakeContext, build, make_exchange, make_response, started
from apim_traffic.backend_limit import BackendLimit
from support import limits as support_limits
from support.gateway import api, serving
from support.gateway import run as on_uvloop
from support.limits import Try, reset

limited = partial(support_limits.limited, BackendLimit)
statuses = partial(support_limits.statuses, BackendLimit)


def call(key_type: KeyType | None = None) -> Exchange:
    exchange = make_exchange()
    exchange.key_type = key_type
    return exchange


def test_what_is_more_than_a_backend_takes_is_answered_with_503() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        outcome = [await attempt(call()) for _ in range(3)][2]
        assert outcome.fault is not None
        assert (503, errors.BACKEND_LIMIT_EXCEEDED) == (outcome.status, outcome.fault.kind)
        assert "30" == outcome.fault.headers["Retry-After"]
        assert not outcome.reached_endpoint

    limited({"production": [{"requests": 2, "per": "1m"}]}, steps)


def test_production_and_sandbox_are_bounded_apart() -> None:
    settings = {"production": [{"requests": 2, "per": "1m"}], "sandbox": [{"requests": 1, "per": "1m"}]}
    calls: list[KeyType | None] = ["production", "sandbox", None, "sandbox", "production"]

    assert [200, 200, 200, 503, 503] == statuses(settings, *[call(key_type) for key_type in calls])


def test_a_world_without_a_rate_is_not_bounded() -> None:
    assert [200] * 3 == statuses({"sandbox": [{"requests": 1, "per": "1m"}]}, *[call() for _ in range(3)])


def test_all_rates_must_hold_and_what_one_refuses_uses_up_none() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        seen = []
        for _ in range(3):
            seen += [(await attempt(call())).status for _ in range(2)]
            context.clock.advance(1)
        assert [200, 503, 200, 503, 503, 503] == seen

    rates = [
        {"requests": 2, "per": "1h", "algorithm": "sliding-log"},
        {"requests": 1, "per": "1s"},
    ]
    limited({"production": rates}, steps)


def test_units_may_be_tokens() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        seen = []
        for tokens in (30, 60, 5):
            exchange = call()
            exchange.variables["tokens"] = tokens
            seen.append((await attempt(exchange)).status)
        assert [200, 200, 503] == seen

    limited(
        {"production": [{"requests": 80, "per": "1h", "cost": "10", "settle": "variables.tokens"}]},
        steps,
    )


def test_only_calls_that_go_to_the_endpoint_count(tmp_path: Path) -> None:
    flows = "{request: [{backend-limit: {production: [{requests: 1, per: 1h}]}}, {rate-limit: {requests: 1, per: 1h}}]}"

    async def scenario() -> list[Any]:
        async with serving(api(flows=flows), tmp_path) as served:
            answers = [await served.get("/api/items/1") for _ in range(2)]
            return [each.json["code"] if each.status != 200 else 200 for each in answers]

    assert [200, "900804"] == on_uvloop(scenario())


def test_it_is_reset_by_the_type_of_key() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(call())
        assert not await reset(context, {"api": "orders"})
        assert await reset(context, {"key_type": "production"})
        assert 200 == (await attempt(call())).status

    limited({"production": [{"requests": 1, "per": "1h"}]}, steps)


def test_settling_sees_no_body() -> None:
    with pytest.raises(Exception, match="`settle` sees no body"):
        build(BackendLimit, {"production": [{"requests": 1, "per": "1h", "settle": "size(response.body)"}]})


TOKENS: dict[str, Any] = {
    "requests": 100,
    "per": "1h",
    "algorithm": "fixed-window",
    "cost": "10",
    "settle": "int(response.headers['x-tokens'])",
}


async def tried(policies: Sequence[BackendLimit], exchange: Exchange, *outcomes: Response | Fault) -> Response | None:
    """The answer to a call that a `retry` tries as often as there are outcomes of the backend; None for a fault."""
    left = list(outcomes)

    async def backend(exchange: Exchange) -> Response:
        outcome = left.pop(0)
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    send: Any = backend
    for policy in reversed(policies):
        send = partial(policy.around, send=send)
    try:
        while True:
            try:
                response: Response = await send(exchange)
            except Fault as fault:
                if not left or fault.kind is errors.BACKEND_LIMIT_EXCEEDED:
                    exchange.faulted(fault)
                    exchange.response = make_response(fault.status, fault.headers)
                    return None
            else:
                if not left:
                    exchange.response = response
                    return response
    finally:
        while exchange._afters:
            pending = exchange._afters.pop()(exchange)
            assert pending is None


def remaining(policy: BackendLimit, number: int = 0) -> int:
    return policy._rules[f"backend-limit production {number}"].counter.standing("production").remaining


def answered(status: int, tokens: int) -> Response:
    return make_response(status, {"X-Tokens": str(tokens)})


def after_tries(
    rates: Sequence[dict[str, Any]], *outcomes: Response | Fault, **settings: Any
) -> tuple[list[int], Response | None, float]:
    """What is left of each rate, the answer, and how many tries could not be settled."""

    async def body() -> tuple[list[int], Response | None, float]:
        policy, context = build(BackendLimit, {"production": rates, **settings}), FakeContext()
        async with started(policy, context):
            response = await tried([policy], call(), *outcomes)
            unsettled = context.metrics.counters.get(("apim_limit_unsettled_total", context.place), 0)
            return [remaining(policy, number) for number in range(len(rates))], response, unsettled

    return asyncio.run(body())


def test_each_try_is_settled_by_its_own_answer() -> None:
    left, _, unsettled = after_tries([TOKENS], answered(503, 1), answered(503, 2), answered(200, 30))

    assert ([67], 0) == (left, unsettled)


def test_a_try_without_an_answer_costs_what_was_reserved() -> None:
    left, _, unsettled = after_tries([TOKENS], Fault(errors.ENDPOINT_TIMEOUT), answered(200, 30))

    assert ([60], 1) == (left, unsettled)


def test_a_try_that_is_refused_gives_nothing_back_of_those_that_reached_the_backend() -> None:
    rates = [{"requests": 9, "per": "1h"}, {"requests": 1, "per": "1h"}]

    left, response, _ = after_tries(rates, answered(503, 0), answered(200, 0))

    assert ([8, 0], None) == (left, response)


def test_a_try_that_is_refused_gives_nothing_back_of_those_that_were_settled() -> None:
    left, response, _ = after_tries([TOKENS], answered(503, 95), answered(200, 0))

    assert ([5], None) == (left, response)


def test_a_try_that_is_refused_before_the_backend_uses_up_nothing() -> None:
    async def body() -> int:
        wide, tight = (build(BackendLimit, {"production": [{"requests": most, "per": "1h"}]}) for most in (9, 1))
        async with started(wide, FakeContext(place="wide")), started(tight, FakeContext(place="tight")):
            await tried([tight], call(), answered(200, 0))
            await tried([wide, tight], call(), answered(200, 0))
            return remaining(wide)

    assert 9 == asyncio.run(body())


def test_an_answer_tells_once_how_the_backend_stands_after_several_tries() -> None:
    _, response, _ = after_tries(
        [{"requests": 9, "per": "1h", "algorithm": "fixed-window"}],
        answered(503, 0),
        answered(200, 0),
        headers=["ratelimit"],
    )

    assert response is not None
    assert '"backend";r=7;t=3600' == response.headers["RateLimit"]


def test_several_rates_of_a_backend_are_told_apart() -> None:
    rates = [{"requests": most, "per": "1h", "algorithm": "fixed-window"} for most in (9, 5)]

    _, response, _ = after_tries(rates, answered(503, 0), answered(200, 0), headers=["ratelimit"])

    assert response is not None
    assert '"backend-2";r=3;t=3600, "backend";r=7;t=3600' == response.headers["RateLimit"]
