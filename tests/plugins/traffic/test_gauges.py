"""A gauge shows a thing as long as it is there, and does not keep it."""

from __future__ import annotations

from apim_sdk.testing import FakeContext
from apim_traffic.gauges import show
from apim_traffic.slots import SlotTable


def test_a_thing_that_is_gone_is_shown_no_longer() -> None:
    context = FakeContext()
    table = SlotTable(1)
    table.of("key").take()
    show(context, "used", "Taken", table, lambda there: there.used)
    read = context.metrics.gauges["used", context.place]
    assert 1 == read()
    del table
    assert read() is None
