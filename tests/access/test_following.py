"""A gateway that follows a store: it knows what is there before it serves, and each change soon after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from apim_sdk import Batch, Change
from apim_sdk.testing import FakeStore
from support.access_store import HeldStore, entry
from support.gateway import Served, configuration, registry_with, run, serving

from apim_core.access.digests import digest_of_key, short
from apim_core.access.following import Following
from apim_core.config import ConfigErrors
from apim_core.gateway import Gateway
from apim_core.metrics import Metrics


def subscribed(**members: Any) -> bytes:
    return entry(**{"application": "shop", "api": "items", "plan": "keys", **members})


TEXT = """
management: {enabled: false}
stores: {main: {held: {}}}
access: {store: main, timeout: 2s}
apis:
  - name: items
    context: /api
    endpoint: {mock: {body: hello}}
    plans: [{name: keys, authentication: {api-key: {}}}]
    operations: [{match: GET /x}]
"""
SECRET = "a key of the shop"
DIGEST = digest_of_key("api-key", SECRET)
KEY = f"access/key/{short(DIGEST)}"


@pytest.fixture
def store() -> FakeStore:
    return HeldStore.new()


async def fill(store: FakeStore, **subscription: Any) -> None:
    """The application ``shop``, its key and its subscription."""
    await store.put("access/application/shop", entry(name="Shop"))
    await store.put(KEY, entry(application="shop", kind="api-key", hash=DIGEST))
    await store.put("access/subscription/s1", subscribed(**subscription))


async def ask(served: Served, key: str = SECRET) -> tuple[int, str | None]:
    answer = await served.get("/api/x", X_API_Key=key)
    return answer.status, None if answer.status == 200 else answer.json["code"]


async def within_a_second(expected: Any, ask: Callable[[], Awaitable[Any]]) -> None:
    deadline = time.monotonic() + 1
    while (answer := await ask()) != expected:
        assert time.monotonic() < deadline, f"{answer} is still not {expected}"
        await asyncio.sleep(0.01)


def test_what_the_store_holds_is_known_before_the_gateway_serves(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> None:
        await fill(store)
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            assert (200, None) == await ask(served)

    run(scenario())


CHANGES = {
    "application gone": ("access/application/shop", None, (401, "900901")),
    "key gone": (KEY, None, (401, "900901")),
    "subscription gone": ("access/subscription/s1", None, (403, "900908")),
    "application blocked": ("access/application/shop", entry(name="Shop", blocked=True), (401, "900907")),
    "blocked": ("access/subscription/s1", subscribed(state="blocked"), (401, "900907")),
    "paused": ("access/subscription/s1", subscribed(state="paused"), (401, "900909")),
    "over": ("access/subscription/s1", subscribed(ends="2020-01-01T00:00:00Z"), (401, "900909")),
    "plan changed": ("access/subscription/s1", subscribed(plan="other"), (403, "900908")),
}


@pytest.mark.parametrize(("key", "value", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_takes_effect_within_a_second(
    tmp_path: Path, store: FakeStore, key: str, value: bytes | None, expected: Any
) -> None:
    async def scenario() -> None:
        await fill(store)
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            assert (200, None) == await ask(served)
            await (store.delete(key) if value is None else store.put(key, value))
            await within_a_second(expected, lambda: ask(served))

    run(scenario())


def test_who_is_new_gets_in_within_a_second(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> None:
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            assert (401, "900901") == await ask(served)
            await fill(store)
            await within_a_second((200, None), lambda: ask(served))

    run(scenario())


def test_while_the_store_is_away_what_was_known_goes_on_and_then_what_changed_is_learnt(
    tmp_path: Path, store: FakeStore
) -> None:
    async def scenario() -> None:
        await fill(store)
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            store.away = True
            HeldStore.cuts["held"].set()
            await within_a_second(b"0.0", lambda: connected(served))
            assert (200, None) == await ask(served)

            store.away = False
            await store.delete("access/subscription/s1")
            HeldStore.cuts.pop("held")
            await within_a_second((403, "900908"), lambda: ask(served))
            assert b"1.0" == await connected(served)
            events = [line["event"] for line in served.log]
            assert 1 == events.count("the store for access is away; what is known goes on")

    run(scenario())


async def connected(served: Served) -> bytes:
    lines = served.gateway.metrics.exposition().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(b"apim_access_connected"))


async def refusal(text: str, folder: Path) -> str:
    gateway = Gateway(structlog.get_logger(), registry_with(held=HeldStore))
    with pytest.raises(ConfigErrors) as caught:
        await gateway.build(configuration(text, folder))
    assert 0 == len(gateway.shared)
    return str(caught.value)


def test_without_the_store_the_gateway_does_not_start(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> str:
        store.away = True
        return await refusal(TEXT.replace("2s", "100ms"), tmp_path)

    said = run(scenario())
    assert "apim.yaml:4:17: the store 'main' cannot be followed: it did not tell all that it holds within 0.1 s" in said
    assert "the store is away" in said


def test_a_store_that_is_not_required_may_come_later(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> None:
        await fill(store)
        store.away = True
        text = TEXT.replace("timeout: 2s", "timeout: 50ms, required: false")
        async with serving(text, tmp_path, held=HeldStore) as served:
            assert (401, "900901") == await ask(served)
            store.away = False
            await within_a_second((200, None), lambda: ask(served))

    run(scenario())


def test_a_store_that_refuses_to_start_is_told_at_once(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> str:
        return await refusal(TEXT.replace("held: {}", "held: {unfit: true}"), tmp_path)

    assert "the store 'main' cannot be followed: it is unfit" in run(scenario())


def test_a_reload_goes_on_with_what_is_known_and_does_not_read_the_store_again(
    tmp_path: Path, store: FakeStore
) -> None:
    async def scenario() -> None:
        await fill(store)
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            store.away = True
            await served.reload(TEXT.replace("hello", "changed"))
            assert (200, None) == await ask(served)
            store.away = False
            await store.delete(KEY)
            await within_a_second((401, "900901"), lambda: ask(served))
            assert 1 == [line["event"] for line in served.log].count("the store for access is followed")

    run(scenario())


def test_a_reload_may_change_the_store(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> None:
        await fill(store)
        HeldStore.new("second")
        async with serving(TEXT, tmp_path, held=HeldStore) as served:
            await served.reload(TEXT.replace("held: {}", "held: {name: second}"))
            assert (401, "900901") == await ask(served)
            await served.reload(TEXT.replace("access: {store: main, timeout: 2s}", ""))
            assert (401, "900901") == await ask(served)
            await served.reload(TEXT)
            assert (200, None) == await ask(served)

    run(scenario())


def test_after_a_change_of_plan_the_limits_of_the_old_one_go_on_counting(tmp_path: Path, store: FakeStore) -> None:
    plans = """[{name: keys, authentication: {api-key: {}}, limits: [{requests: 2, per: 1h}]},
               {name: more, authentication: {api-key: {}}, limits: [{requests: 3, per: 1h}]}]"""
    text = TEXT.replace("[{name: keys, authentication: {api-key: {}}}]", plans)

    async def scenario() -> list[int]:
        await fill(store)
        statuses = []
        async with serving(text, tmp_path, held=HeldStore) as served:
            for plan in ("keys", "more", "keys", "more"):
                await store.put("access/subscription/s1", subscribed(plan=plan))
                await follows(served, store)
                statuses += [(await ask(served))[0] for _ in range(2)]
        return statuses

    assert [200, 200, 200, 200, 429, 429, 200, 429] == run(scenario())


async def follows(served: Served, store: FakeStore) -> None:
    """Until the gateway knows what was written before."""
    name = f"mark {time.monotonic_ns()}"
    await store.put("access/application/mark", entry(name=name))
    snapshot = served.gateway.snapshot
    assert snapshot is not None

    async def known() -> str | None:
        found = snapshot.assembly.directory.application("mark")
        return found and found.name

    await within_a_second(name, known)


def test_a_snapshot_that_is_gone_leaves_nothing_of_the_store_behind(tmp_path: Path, store: FakeStore) -> None:
    async def scenario() -> None:
        gateway = Gateway(structlog.get_logger(), registry_with(held=HeldStore))
        snapshots = [await gateway.build(configuration(TEXT, tmp_path)) for _ in range(3)]
        assert 1 == len(store._followers)
        for left, snapshot in enumerate(snapshots[::-1]):
            await snapshot.stop()
            assert (left < 2) == bool(store._followers)
        assert 0 == len(gateway.shared)

    run(scenario())


def test_without_a_store_the_configuration_says_how_many_revocations_a_process_holds(tmp_path: Path) -> None:
    text = TEXT.replace("store: main, timeout: 2s", "revocations: 7")

    async def scenario() -> list[int]:
        async with serving(text, tmp_path, held=HeldStore) as served:
            first = served.gateway.revocations.most
            await served.reload(text.replace("revocations: 7", "revocations: 8"))
            return [first, served.gateway.revocations.most]

    assert [7, 8] == run(scenario())


class Odd:
    """Stands for an opened store whose following goes wrong, once for each error, and then right."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.closed = 0

    @property
    def store(self) -> Any:
        return self

    async def aclose(self) -> None:
        self.closed += 1

    async def follow(self, prefix: str) -> AsyncIterator[Batch]:
        yield Batch((), first=True)
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error
            return
        yield Batch((Change("access/application/1", entry(name="found")),))
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [None, OSError("away"), ValueError("odd")], ids=["ends", "away", "odd"])
def test_whatever_goes_wrong_once_it_serves_it_tries_again(error: Exception | None) -> None:
    async def scenario() -> None:
        odd = Odd(error)

        async def opened() -> Any:
            return odd

        following = Following(opened, structlog.wrap_logger(None, processors=[_drop]), Metrics(), 10)
        await following.start(5, required=True)
        found = following.stored.applications

        async def names() -> list[str]:
            return [application.name for id_ in found.ids() if (application := found.get(id_))]

        try:
            await within_a_second(["found"], names)
            assert 1 == odd.closed
        finally:
            await following.aclose()
        assert 2 == odd.closed

    run(scenario())


def _drop(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    raise structlog.DropEvent
