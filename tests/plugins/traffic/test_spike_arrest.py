"""No more at once than a slice's part of the rate."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from apim_sdk import ErrorKind, errors
from apim_sdk.testing import FakeContext, build, make_exchange
from apim_traffic.spike_arrest import SpikeArrest
from support import limits as support_limits
from support.limits import Try

limited = partial(support_limits.limited, SpikeArrest)


@pytest.mark.parametrize(
    ("settings", "at_once", "interval"),
    [
        ({"requests": 2000, "per": "1s"}, 200, 0.0005),
        ({"requests": 5, "per": "1s"}, 1, 0.2),
        ({"requests": 60, "per": "1m", "slice": "5s"}, 5, 1.0),
        ({"requests": 3, "per": "1s", "slice": "1m"}, 3, 1 / 3),
    ],
)
def test_a_slice_comes_at_once_and_then_one_after_the_other(
    settings: dict[str, Any], at_once: int, interval: float
) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        passed = [(await attempt(make_exchange())).status for _ in range(at_once + 1)]
        assert [200] * at_once + [429] == passed
        for _ in range(3):
            context.clock.advance(interval + 1e-6)
            assert [200, 429] == [(await attempt(make_exchange())).status for _ in range(2)]

    limited(settings, steps)


def test_no_edge_lets_two_slices_through_together() -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        context.clock.advance(0.099)
        passed = [(await attempt(make_exchange())).status for _ in range(10)]
        context.clock.advance(0.002)
        passed += [(await attempt(make_exchange())).status for _ in range(10)]
        assert 10 == passed.count(200)

    limited({"requests": 100, "per": "1s"}, steps)


@pytest.mark.parametrize(
    ("key", "kind"),
    [("api", errors.SUBSCRIPTION_BURST_EXCEEDED), ("application", errors.APPLICATION_BURST_EXCEEDED)],
)
def test_the_code_is_that_of_a_burst(key: str, kind: ErrorKind) -> None:
    async def steps(attempt: Try, context: FakeContext) -> None:
        await attempt(make_exchange())
        fault = (await attempt(make_exchange())).fault
        assert fault is not None
        assert kind == fault.kind
        assert "1" == fault.headers["Retry-After"]

    limited({"requests": 1, "per": "1s", "key": key}, steps)


def test_it_needs_a_time() -> None:
    with pytest.raises(Exception, match="1ms or longer"):
        build(SpikeArrest, {"requests": 1, "per": "0s"})
