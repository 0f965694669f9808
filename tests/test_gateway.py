"""The life of a gateway: start, reload without losing a request, refuse what is broken, stop with nothing left open."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
import weakref
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from apim_sdk import Context, Endpoint, Exchange, Policy, Record, Response, Sink
from support.gateway import api, configuration, run, serving

from apim_core.config import ConfigErrors


@attrs.frozen
class Opening(Policy):
    """Shares something that has to be closed."""

    opened: ClassVar[list[Opened]] = []
    log: ClassVar[list[str]] = []
    word: str = "x"
    """Part of what it shares."""

    async def start(self, context: Context) -> None:
        self.log.append(f"start {self.word} {context.place}")
        await context.shared(("opened", self.word), Opened)

    async def stop(self) -> None:
        self.log.append(f"stop {self.word}")

    def on_request(self, exchange: Exchange) -> None:
        pass


class Opened:
    """What is shared."""

    def __init__(self) -> None:
        self.closed = False
        Opening.opened.append(self)

    async def aclose(self) -> None:
        self.closed = True


@attrs.frozen
class Unwilling(Policy):
    """Cannot start."""

    async def start(self, context: Context) -> None:
        context.key_manager("mian")

    def on_request(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Held(Endpoint):
    """Answers when it is let go."""

    gate: ClassVar[asyncio.Event]

    async def send(self, exchange: Exchange) -> Response:
        await self.gate.wait()
        return Response(200, body=b"old")


@attrs.frozen
class Keep(Sink):
    """Keeps records."""

    records: ClassVar[list[Record]] = []

    async def write(self, batch: Any) -> None:
        self.records.extend(batch)


@attrs.frozen
class Lossy(Sink):
    """Refuses every batch."""

    async def write(self, batch: Any) -> None:
        raise ConnectionError("the broker is away")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    Opening.opened.clear()
    Opening.log.clear()
    Keep.records.clear()


def with_sinks(text: str, *names: str) -> str:
    return text + "sinks: [" + ", ".join(f"{name}: {{}}" for name in names) + "]\n"


def test_a_reload_swaps_the_configuration_and_keeps_what_both_share(tmp_path: Path) -> None:
    before = api(flows="{request: [{opening: {word: kept}}, {opening: {word: dropped}}]}")
    after = api(flows="{request: [{opening: {word: kept}}]}", endpoint="{mock: {body: new}}")

    async def scenario() -> None:
        async with serving(before, tmp_path, opening=Opening) as served:
            kept, dropped = Opening.opened
            assert (await served.get("/api/items/1")).body == b"hello"
            await served.reload(after)
            assert (await served.get("/api/items/1")).body == b"new"
            await asyncio.gather(*served.gateway._retiring)
            assert [kept, dropped] == Opening.opened
            assert (kept.closed, dropped.closed) == (False, True)
        assert kept.closed
        assert len(served.gateway.shared) == 0

    run(scenario())


def test_the_place_of_an_instance_is_the_same_over_a_reload(tmp_path: Path) -> None:
    text = api(flows="{request: [{opening: {}}, {opening: {}}]}")

    async def scenario() -> None:
        async with serving(text, tmp_path, opening=Opening) as served:
            await served.reload(text)
        places = [line.rpartition(" ")[2] for line in Opening.log if line.startswith("start")]
        assert places == ["apis/items:1.0/request/opening", "apis/items:1.0/request/opening#2"] * 2

    run(scenario())


def test_a_broken_configuration_is_refused_whole_and_the_old_one_keeps_serving(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(api(), tmp_path, opening=Opening, unwilling=Unwilling) as served:
            for broken in ("{request: [{opening: {}}, {unwilling: {}}]}", "{request: [{no-such-thing: {}}]}"):
                with pytest.raises(ConfigErrors):
                    await served.reload(api(flows=broken))
            assert (await served.get("/api/items/1")).body == b"hello"
            assert [opened.closed for opened in Opening.opened] == [True]
            assert [line for line in Opening.log if line.startswith("stop")] == ["stop x"]

    run(scenario())


def test_a_plugin_that_cannot_start_is_reported_with_file_line_and_reason(tmp_path: Path) -> None:
    async def scenario() -> str:
        async with serving(api(), tmp_path, unwilling=Unwilling) as served:
            with pytest.raises(ConfigErrors) as caught:
                await served.reload(api(flows="{request: [{unwilling: {}}]}"))
            return str(caught.value)

    text = run(scenario())
    assert f"{tmp_path}/apim.yaml:7:24: unwilling cannot start: no key manager is named 'mian'" in text


def test_an_exchange_is_served_whole_by_the_snapshot_that_it_started_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        Held.gate = asyncio.Event()
        async with serving(api(endpoint="{held: {}}"), tmp_path, held=Held) as served:
            old = served.gateway.snapshot
            assert old is not None
            pending = asyncio.ensure_future(served.get("/api/items/1"))
            async with asyncio.timeout(5):
                while not old.active:
                    await asyncio.sleep(0.001)
            await served.reload(api())
            assert (await served.get("/api/items/1")).body == b"hello"
            assert len(served.gateway._retiring) == 1
            Held.gate.set()
            assert (await pending).body == b"old"
            await asyncio.gather(*served.gateway._retiring)

    run(scenario())


def test_no_request_fails_while_the_configuration_is_reloaded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(api(), tmp_path) as served:
            done = asyncio.Event()
            statuses: list[int] = []

            async def call() -> None:
                while not done.is_set():
                    statuses.append((await served.get("/api/items/1")).status)

            callers = [asyncio.ensure_future(call()) for _ in range(8)]
            for number in range(20):
                await served.reload(api(endpoint=f"{{mock: {{body: '{number}'}}}}"))
                async with asyncio.timeout(5):
                    while len(statuses) < 8 * number:
                        await asyncio.sleep(0)
            done.set()
            await asyncio.gather(*callers)
            assert {200} == set(statuses)

    run(scenario())


def test_many_reloads_leave_memory_as_it_was(tmp_path: Path) -> None:
    text = api(
        flows="{request: [{set-header: {name: X-A, value: '{{ request.path }}'}}]}",
        endpoint="{http: {url: 'http://127.0.0.1:9'}}",
    )

    async def scenario() -> None:
        async with serving(text, tmp_path) as served:
            written = configuration(text, tmp_path)

            async def reload(times: int) -> None:
                for _ in range(times):
                    await served.gateway.reload(written)
                    await asyncio.gather(*served.gateway._retiring)

            await reload(20)
            gc.collect()
            tracemalloc.start()
            await reload(50)
            gc.collect()
            size, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert size < 100_000

    run(scenario())


def test_a_replaced_snapshot_is_freed_at_once_though_a_client_left_in_the_middle_of_a_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        Held.gate = asyncio.Event()
        async with serving(api(endpoint="{held: {}}"), tmp_path, held=Held) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /api/items/1 HTTP/1.1\r\nHost: x\r\n\r\n")
            snapshot = served.gateway.snapshot
            assert snapshot is not None
            async with asyncio.timeout(5):
                while not snapshot.active:
                    await asyncio.sleep(0.001)
                writer.close()
                while snapshot.active:
                    await asyncio.sleep(0.001)
            seen = weakref.ref(snapshot)
            del snapshot
            gc.disable()
            try:
                await served.reload(api())
                await asyncio.gather(*served.gateway._retiring)
                await asyncio.sleep(0)
                assert seen() is None
            finally:
                gc.enable()

    run(scenario())


def test_every_request_is_recorded_the_refused_ones_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(with_sinks(api(), "keep"), tmp_path, keep=Keep) as served:
            await served.get("/api/items/7")
            await served.call("POST", "/api/items", data=b"12345")
            await served.get("/elsewhere")

    run(scenario())
    assert [
        (r.method, r.path, r.status, r.api, r.operation, r.plan, r.error_key, r.bytes_received, r.bytes_sent)
        for r in Keep.records[:2]
    ] == [
        ("GET", "/api/items/7", 200, "items", "GET /items/{id}", "public", None, 0, 5),
        ("POST", "/api/items", 200, "items", "POST /items", "public", None, 5, 5),
    ]
    assert (
        Keep.records[2].status,
        Keep.records[2].api,
        Keep.records[2].error_key,
        Keep.records[2].error_code,
    ) == (404, None, "NOT_FOUND", "404")
    assert all(record.duration > 0 for record in Keep.records)


def test_a_client_that_went_away_is_recorded_as_499(tmp_path: Path) -> None:
    async def scenario() -> None:
        Held.gate = asyncio.Event()
        text = with_sinks(api(endpoint="{held: {}}"), "keep")
        async with serving(text, tmp_path, held=Held, keep=Keep) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /api/items/1 HTTP/1.1\r\nHost: x\r\n\r\n")
            snapshot = served.gateway.snapshot
            assert snapshot is not None
            async with asyncio.timeout(5):
                while not snapshot.active:
                    await asyncio.sleep(0.001)
            writer.close()
        assert [record.status for record in Keep.records] == [499]

    run(scenario())


def test_a_sink_that_fails_loses_its_batch_which_is_counted_and_logged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(with_sinks(api(), "lossy", "keep"), tmp_path, lossy=Lossy, keep=Keep) as served:
            snapshot = served.gateway.snapshot
            assert snapshot is not None
            assert (await served.get("/api/items/1")).status == 200
            async with asyncio.timeout(5):
                while not Keep.records:
                    await asyncio.sleep(0.005)
            assert snapshot.recorder.dropped == 1
            assert [line["event"] for line in served.log] == ["a sink lost a batch of records"]

    run(scenario())
