"""The gateway over transports that do nothing."""

import asyncio

import pytest
import uvloop

from bench.path import drive, row


@pytest.mark.parametrize("name", ["plain", "policies", "post", "64k", "ES256", "key-set"])
def test_every_request_of_a_turn_is_answered_and_takes_time(name):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = runner.run(drive(row(name), [1, 1]))
    assert 2 == len(seconds)
    assert all(0 < each < 0.1 for each in seconds)
