"""What goes to a backend is bounded, whoever it is from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Exchange, KeyType, errors
from apim_sdk.testing import FakeContext, build, make_exchange
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
