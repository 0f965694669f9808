"""What instances share: opened by the first that asks, closed when the last snapshot that took it has stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from support.gateway import run

from apim_core.sharing import Lease, Shared


class Thing:
    """What is shared: knows whether it is closed."""

    def __init__(self, name: str = "", log: list[str] | None = None) -> None:
        self.name = name
        self.closed = 0
        self._log = [] if log is None else log

    def close(self) -> None:
        self.closed += 1
        self._log.append(self.name)


class AsyncThing:
    """Closed by a coroutine."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


class Opener:
    """Opens a thing when its gate is opened, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.opened: list[Thing] = []
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.error = error
        self.calls = 0

    async def __call__(self) -> Thing:
        self.calls += 1
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        thing = Thing()
        self.opened.append(thing)
        return thing


async def take(lease: Lease, opener: Callable[[], object] = Thing) -> object:
    return await lease.take("key", opener)


def test_the_same_key_is_the_same_value_for_all_who_ask() -> None:
    async def scenario() -> None:
        shared = Shared()
        first, second = shared.lease(), shared.lease()
        assert await take(first) is await take(second)
        assert 1 == len(shared)

    run(scenario())


def test_different_keys_are_different_values() -> None:
    async def scenario() -> None:
        lease = Shared().lease()
        assert await lease.take("a", Thing) is not await lease.take("b", Thing)

    run(scenario())


def test_a_value_may_be_opened_by_a_coroutine_or_a_plain_function() -> None:
    async def scenario() -> None:
        async def opening() -> str:
            return "opened"

        lease = Shared().lease()
        assert ("opened", "plain") == (await lease.take(1, opening), await lease.take(2, lambda: "plain"))

    run(scenario())


def test_a_value_is_closed_when_the_last_that_took_it_gives_it_back() -> None:
    async def scenario() -> None:
        shared = Shared()
        first, second = shared.lease(), shared.lease()
        thing = await take(first)
        await take(second)
        assert isinstance(thing, Thing)
        await first.release()
        assert (0, 1) == (thing.closed, len(shared))
        await second.release()
        assert (1, 0) == (thing.closed, len(shared))

    run(scenario())


def test_a_snapshot_that_takes_a_value_many_times_holds_it_once() -> None:
    async def scenario() -> None:
        lease = Shared().lease()
        thing = await take(lease)
        await take(lease)
        assert isinstance(thing, Thing)
        await lease.release()
        assert 1 == thing.closed

    run(scenario())


def test_a_key_that_was_given_back_is_opened_anew() -> None:
    async def scenario() -> None:
        shared = Shared()
        first = shared.lease()
        old = await take(first)
        await first.release()
        assert old is not await take(shared.lease())

    run(scenario())


def test_what_has_aclose_is_closed_by_it() -> None:
    async def scenario() -> None:
        lease = Shared().lease()
        thing = await lease.take("key", AsyncThing)
        await lease.release()
        assert 1 == thing.closed

    run(scenario())


def test_what_cannot_be_closed_is_let_go() -> None:
    async def scenario() -> None:
        shared = Shared()
        lease = shared.lease()
        await lease.take("key", dict)
        await lease.release()
        assert 0 == len(shared)

    run(scenario())


def test_what_was_taken_last_is_closed_first() -> None:
    async def scenario() -> None:
        log: list[str] = []
        lease = Shared().lease()
        await lease.take("a", lambda: Thing("a", log))
        await lease.take("b", lambda: Thing("b", log))
        await lease.release()
        assert ["b", "a"] == log

    run(scenario())


def test_those_who_ask_while_it_is_being_opened_wait_for_the_one_opening() -> None:
    async def scenario() -> None:
        shared, opener = Shared(), Opener()
        takers = [asyncio.ensure_future(take(shared.lease(), opener)) for _ in range(3)]
        await opener.begun.wait()
        opener.gate.set()
        assert 1 == len(set(await asyncio.gather(*takers)))
        assert 1 == opener.calls

    run(scenario())


def test_an_opening_that_fails_fails_for_all_who_wait_and_is_forgotten() -> None:
    async def scenario() -> None:
        shared, opener = Shared(), Opener(ConnectionError("away"))
        leases = [shared.lease() for _ in range(2)]
        takers = [asyncio.ensure_future(take(lease, opener)) for lease in leases]
        await opener.begun.wait()
        opener.gate.set()
        results = await asyncio.gather(*takers, return_exceptions=True)
        assert ["away", "away"] == [str(result) for result in results]
        assert 0 == len(shared)
        assert isinstance(await take(leases[0]), Thing)
        for lease in leases:
            await lease.release()
        assert 0 == len(shared)

    run(scenario())


def test_a_plain_opener_that_fails_is_forgotten() -> None:
    async def scenario() -> None:
        lease = Shared().lease()
        with pytest.raises(ZeroDivisionError):
            await lease.take("key", lambda: 1 // 0)
        assert 5 == await lease.take("key", lambda: 5)

    run(scenario())


def test_who_is_cancelled_while_waiting_holds_nothing() -> None:
    async def scenario() -> None:
        shared, opener = Shared(), Opener()
        first, second = shared.lease(), shared.lease()
        opening = asyncio.ensure_future(take(first, opener))
        await opener.begun.wait()
        waiting = asyncio.ensure_future(take(second, opener))
        await asyncio.sleep(0)
        waiting.cancel()
        opener.gate.set()
        await opening
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        await first.release()
        assert (1, 0) == (opener.opened[0].closed, len(shared))
        await second.release()

    run(scenario())


def test_one_snapshot_s_takers_hold_the_value_until_it_is_released_whoever_of_them_is_cancelled() -> None:
    async def scenario() -> None:
        shared, opener = Shared(), Opener()
        lease = shared.lease()
        opening = asyncio.ensure_future(take(lease, opener))
        await opener.begun.wait()
        waiting = asyncio.ensure_future(take(lease, opener))
        await asyncio.sleep(0)
        waiting.cancel()
        opener.gate.set()
        await opening
        await asyncio.gather(waiting, return_exceptions=True)
        assert 0 == opener.opened[0].closed
        await lease.release()
        assert (1, 0) == (opener.opened[0].closed, len(shared))

    run(scenario())


def test_where_the_one_who_opens_is_cancelled_the_next_who_waits_opens() -> None:
    async def scenario() -> None:
        shared, opener = Shared(), Opener()
        first, second = shared.lease(), shared.lease()
        opening = asyncio.ensure_future(take(first, opener))
        await opener.begun.wait()
        waiting = asyncio.ensure_future(take(second, opener))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        opener.gate.set()
        thing = await waiting
        assert isinstance(thing, Thing)
        await first.release()
        assert 0 == thing.closed
        await second.release()
        assert (1, 0, 2) == (thing.closed, len(shared), opener.calls)

    run(scenario())


def test_a_value_that_fails_to_close_does_not_keep_others_open() -> None:
    async def scenario() -> None:
        def fail() -> None:
            raise ConnectionError("away")

        shared = Shared()
        lease = shared.lease()
        thing = await lease.take("good", Thing)
        broken = await lease.take("broken", Thing)
        broken.close = fail  # type: ignore[method-assign]
        assert ["away"] == [str(error) for error in await lease.release()]
        assert (1, 0) == (thing.closed, len(shared))

    run(scenario())
