"""The fake context does what the core's does, under the control of a test."""

import asyncio

import pytest
from apim_sdk import Application, Plugin
from apim_sdk.testing import FakeApplications, FakeContext, FakeEndpoint, FakeFetched, FakeKeyManager, Line, started


def test_time_stands_still_until_it_is_moved():
    clock = FakeContext().clock
    before = (clock.now(), clock.monotonic())
    clock.advance(1.5)

    assert (before[0] + 1.5, before[1] + 1.5) == (clock.now(), clock.monotonic())


def test_log_lines_are_kept_with_their_facts():
    context = FakeContext()
    context.log.warning("key set is old", age=60)

    assert [Line("warning", "key set is old", {"age": 60})] == context.log.lines


def test_counters_add_up_by_label():
    metrics = FakeContext().metrics
    count = metrics.counter("hits", "Hits of the cache", ["plan"])
    count("gold")
    count("gold", amount=2)

    assert {("hits", "gold"): 3} == metrics.counters


def test_a_counter_refuses_the_wrong_number_of_labels():
    count = FakeContext().metrics.counter("hits", "Hits of the cache", ["plan"])

    with pytest.raises(TypeError, match=r"hits takes 1 label values \(plan\), got 2"):
        count("gold", "orders")


def test_histograms_and_gauges_are_kept():
    metrics = FakeContext().metrics
    metrics.histogram("size", "Sizes", buckets=[1, 10])(7.0)
    metrics.gauge("open", "Open connections", lambda: 3.0)

    assert ([7.0], 3.0) == (metrics.observations["size",], metrics.gauges["open"]())


def test_applications_are_found_by_what_they_present():
    shop = Application("shop", "1")
    context = FakeContext(applications=FakeApplications({("api-key", "k"): shop}))

    found = context.applications.find("api-key", "k")
    assert found is not None
    assert (shop, None) == (found.application, context.applications.find("client_id", "k"))


def test_key_managers_are_found_by_name():
    main = FakeKeyManager({"kid": "a"}, {"kid": "b"}, issuer="https://idp.example")
    context = FakeContext(key_managers={"main": main})

    assert ({"kid": "b"},) == context.key_manager("main").keys("b")
    with pytest.raises(LookupError, match="no key manager 'other'; there are: main"):
        context.key_manager("other")


def test_a_callout_gets_the_answer_set_for_its_url():
    context = FakeContext(fetches={"https://idp.example/keys": FakeFetched(body=b"{}")})

    assert b"{}" == asyncio.run(context.fetch("https://idp.example/keys")).body
    assert [("GET", "https://idp.example/keys", None)] == context.fetched


def test_a_callout_that_nobody_expected_cannot_connect():
    with pytest.raises(ConnectionError, match=r"no answer for https://other\.example"):
        asyncio.run(FakeContext().fetch("https://other.example"))


def test_an_upstream_answers_as_set():
    upstream = FakeEndpoint()
    context = FakeContext(upstreams={"http://orders.example": upstream})

    assert upstream is asyncio.run(context.upstream("http://orders.example", {}))


def test_what_is_shared_is_opened_once_and_closed_at_the_end():
    events = []

    class Connection:
        async def aclose(self):
            events.append("closed")

    async def connect():
        events.append("opened")
        await asyncio.sleep(0)
        return Connection()

    async def main():
        context = FakeContext()
        first, second = await asyncio.gather(context.shared("redis", connect), context.shared("redis", connect))
        assert first is second
        await context.close()

    asyncio.run(main())
    assert ["opened", "closed"] == events


def test_background_tasks_end_with_the_context():
    class Refresher(Plugin):
        async def start(self, context):
            context.spawn(asyncio.Event().wait(), "refresh")

    async def main():
        context = FakeContext()
        async with started(Refresher(), context):
            (task,) = context.tasks
            assert not task.done()
        return task.cancelled()

    assert asyncio.run(main())


def test_a_background_task_that_fails_fails_the_test():
    async def fail():
        raise ZeroDivisionError("a bug")

    async def main():
        context = FakeContext()
        context.spawn(fail(), "refresh")
        await asyncio.sleep(0)
        await context.close()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_a_plugin_is_stopped_when_the_block_raises():
    stopped = []

    class Stopping(Plugin):
        async def stop(self):
            stopped.append(True)

    async def main():
        async with started(Stopping()):
            raise KeyError("in the test")

    with pytest.raises(KeyError):
        asyncio.run(main())
    assert [True] == stopped
