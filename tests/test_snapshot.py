"""A snapshot starts all of its plugins or none, and lets go of everything when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
import structlog
from apim_sdk import Context, Exchange, Policy, Sink
from support.gateway import api, configuration, registry_with, run

from apim_core.access.revocations import Revocations
from apim_core.assembly import Observer, assemble
from apim_core.config import ConfigErrors
from apim_core.metrics import Metrics
from apim_core.sharing import Shared
from apim_core.snapshot import Snapshot
from apim_core.upstreams import Upstreams

LOG: list[str] = []


@attrs.frozen
class Life(Policy):
    """Notes when it starts and stops; fails where it is told to."""

    name: str
    """What it notes."""
    fails: str = ""
    """``start`` or ``stop``."""

    async def start(self, context: Context) -> None:
        LOG.append(f"start {self.name}")
        if self.fails == "start":
            raise ValueError(f"{self.name} does not want to")

    async def stop(self) -> None:
        LOG.append(f"stop {self.name}")
        if self.fails == "stop":
            raise ValueError(f"{self.name} does not want to")

    def on_request(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Broken(Policy):
    """Raises at its start what no plugin should."""

    async def start(self, context: Context) -> None:
        raise ZeroDivisionError

    def on_request(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Busy(Policy):
    """Has a background task."""

    ends: str = "never"
    """How the task ends: never, or by an error."""

    async def start(self, context: Context) -> None:
        await context.shared("busy", Closing)
        context.spawn(self._work(), "work")

    async def _work(self) -> None:
        if self.ends == "error":
            raise ConnectionError("the server is away")
        try:
            await asyncio.Event().wait()
        finally:
            LOG.append("task ended")

    def on_request(self, exchange: Exchange) -> None:
        pass


class Closing:
    """What is shared."""

    def close(self) -> None:
        LOG.append("closed")


@attrs.frozen
class Late(Sink):
    """Notes what it gets."""

    batches: ClassVar[list[Any]] = []

    async def write(self, batch: Any) -> None:
        LOG.append(f"batch of {len(batch)}")

    async def stop(self) -> None:
        LOG.append("stop sink")


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


@contextmanager
def snapshot(folder: Path, *policies: str, rest: str = "") -> Iterator[tuple[Snapshot, list[dict[str, Any]], Shared]]:
    """A snapshot that is not started, with these policies in its request flow; its log; what it shares."""
    lines: list[dict[str, Any]] = []

    def collect(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        lines.append(event)
        raise structlog.DropEvent

    text = api(flows=f"{{request: [{', '.join(policies)}]}}", rest=rest)
    registry = registry_with(life=Life, broken=Broken, busy=Busy, late=Late)
    assembly = assemble(configuration(text, folder), registry, Observer(lambda *_: None, lambda _: None))
    shared = Shared()
    log = structlog.wrap_logger(None, processors=[collect])
    yield Snapshot(assembly, shared, Upstreams(), Metrics(), Revocations(lambda: 0.0), log), lines, shared


def test_plugins_start_in_the_order_of_the_configuration_and_stop_in_reverse(tmp_path: Path) -> None:
    async def scenario() -> None:
        with snapshot(tmp_path, "{life: {name: a}}", "{life: {name: b}}") as (made, _, _):
            await made.start()
            await made.stop()

    run(scenario())
    assert ["start a", "start b", "stop b", "stop a"] == LOG


def test_where_one_cannot_start_the_others_are_stopped_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        policies = ["{life: {name: a}}", "{life: {name: b, fails: start}}", "{life: {name: c}}"]
        with snapshot(tmp_path, *policies) as (made, _, _), pytest.raises(ConfigErrors):
            await made.start()

    run(scenario())
    assert ["start a", "start b", "start c", "stop c", "stop a"] == LOG


def test_every_plugin_that_cannot_start_is_reported(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        policies = ["{life: {name: a, fails: start}}", "{life: {name: b, fails: start}}"]
        with snapshot(tmp_path, *policies) as (made, _, _):
            with pytest.raises(ConfigErrors) as caught:
                await made.start()
            return [f"{problem.pointer} {problem.message}" for problem in caught.value.problems]

    assert [
        "/apis/0/flows/request/0/life life cannot start: a does not want to",
        "/apis/0/flows/request/1/life life cannot start: b does not want to",
    ] == run(scenario())


def test_a_plugin_whose_start_is_broken_stops_the_others_and_is_named(tmp_path: Path) -> None:
    async def scenario() -> str:
        with snapshot(tmp_path, "{life: {name: a}}", "{broken: {}}") as (made, _, _):
            with pytest.raises(ConfigErrors) as caught:
                await made.start()
            return str(caught.value)

    assert "broken cannot start: ZeroDivisionError" in run(scenario())
    assert ["start a", "stop a"] == LOG


def test_a_plugin_that_fails_to_stop_does_not_keep_others_running(tmp_path: Path) -> None:
    async def scenario() -> list[dict[str, Any]]:
        with snapshot(tmp_path, "{life: {name: a}}", "{life: {name: b, fails: stop}}") as (made, lines, _):
            await made.start()
            await made.stop()
            return lines

    assert ["a plugin failed to stop"] == [line["event"] for line in run(scenario())]
    assert ["stop b", "stop a"] == LOG[2:]


def test_background_tasks_end_and_shared_things_are_closed_when_it_stops(tmp_path: Path) -> None:
    async def scenario() -> None:
        with snapshot(tmp_path, "{busy: {}}") as (made, _, shared):
            await made.start()
            await asyncio.sleep(0)
            assert 1 == len(shared)
            await made.stop()
            assert 0 == len(shared)

    run(scenario())
    assert ["task ended", "closed"] == LOG


def test_a_background_task_that_fails_is_logged_with_its_place(tmp_path: Path) -> None:
    async def scenario() -> list[dict[str, Any]]:
        with snapshot(tmp_path, "{busy: {ends: error}}") as (made, lines, _):
            await made.start()
            async with asyncio.timeout(10):
                while not lines:
                    await asyncio.sleep(0)
            await made.stop()
            return lines

    (line,) = run(scenario())
    assert ("a background task failed", "apis/items:1.0/request/busy: work") == (line["event"], line["task"])
    assert "the server is away" in line["error"]


def test_the_last_records_are_handed_over_before_sinks_stop(tmp_path: Path) -> None:
    async def scenario() -> None:
        with snapshot(tmp_path, rest="sinks: [late: {}]\n") as (made, _, _):
            await made.start()
            made.recorder.add(Any)  # type: ignore[arg-type]  # what a record is does not matter here
            await made.stop()

    run(scenario())
    assert ["batch of 1", "stop sink"] == LOG


def test_draining_waits_for_the_last_exchange(tmp_path: Path) -> None:
    async def scenario() -> bool:
        with snapshot(tmp_path) as (made, _, _):
            made.active = 2
            draining = asyncio.ensure_future(made.drain(60))
            await asyncio.sleep(0)
            made.left()
            await asyncio.sleep(0)
            assert not draining.done()
            made.left()
            return await draining

    assert run(scenario()) is True


def test_draining_ends_after_its_time_and_says_so(tmp_path: Path) -> None:
    async def scenario() -> bool:
        with snapshot(tmp_path) as (made, _, _):
            made.active = 1
            return await made.drain(0.01)

    assert run(scenario()) is False


def test_draining_an_idle_snapshot_takes_no_time(tmp_path: Path) -> None:
    async def scenario() -> bool:
        with snapshot(tmp_path) as (made, _, _):
            return await asyncio.wait_for(made.drain(0), 1)

    assert run(scenario()) is True
