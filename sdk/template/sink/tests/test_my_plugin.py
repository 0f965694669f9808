"""What my-plugin does."""

import asyncio

from apim_sdk import Record
from apim_sdk.testing import FakeContext, build, make_exchange, started
from apim_sdk.testing.conformance import suite

test_conformance = suite("my-plugin")


def test_answers_are_counted_by_class_of_status():
    async def counters():
        context = FakeContext()
        async with started(build("my-plugin", {"metric": "answers"}), context) as sink:
            await sink.write([Record(make_exchange(), status, timestamp=0.0) for status in (200, 204, 503)])
        return context.metrics.counters

    assert asyncio.run(counters()) == {("answers", "test", "2xx"): 2, ("answers", "test", "5xx"): 1}
