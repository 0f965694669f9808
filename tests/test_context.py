"""What a plugin gets when it starts: each part of the context does what the SDK promises of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import structlog
from apim_sdk import Application, Context, CounterStore, Duration, KeyManager, Secret
from apim_sdk.testing import Answer, FakeKeyManager, make_exchange
from apim_sdk.testing.backend import FakeBackend
from support.gateway import run

from apim_core.access.directory import Directory
from apim_core.access.revocations import Revocations
from apim_core.config import model as config
from apim_core.context import CoreContext, Resources, SystemClock, origin_of
from apim_core.egress import Egress, EgressRefused
from apim_core.http.upstream_settings import UpstreamSettings
from apim_core.metrics import Metrics
from apim_core.sharing import Shared
from apim_core.upstreams import Upstreams

SHOP = Application("shop", "1")


class Kit:
    """A context's resources, and what it did with them."""

    def __init__(self, counters: Mapping[str, Any], node: Any, **key_managers: KeyManager) -> None:
        self.shared = Shared()
        self.lease = self.shared.lease()
        self.metrics = Metrics()
        self.upstreams = Upstreams()
        self.lines: list[dict[str, Any]] = []
        self.spawned: list[str] = []
        self.egress = Egress()
        written = config.Application("shop", keys=(config.ApplicationKey("api-key", Secret("k")),), id="1")
        self.resources = Resources(
            SystemClock(),
            structlog.wrap_logger(None, processors=[self._collect]),
            self.metrics,
            Directory([written]),
            Revocations(SystemClock.now),
            key_managers,
            {},
            counters,
            node,
            self.egress,
            self.lease,
            self._spawn,
            self.upstreams,
            "test",
        )

    def context(self, place: str = "apis/a:1/request/x") -> CoreContext:
        return CoreContext(self.resources, place, place.rpartition("/")[2])

    def _collect(self, logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        self.lines.append(event)
        raise structlog.DropEvent

    def _spawn(self, work: Any, name: str) -> asyncio.Task[None]:
        self.spawned.append(name)
        return asyncio.get_running_loop().create_task(work, name=name)


@asynccontextmanager
async def kit(
    counters: Mapping[str, Any] | None = None, node: Any = None, **key_managers: KeyManager
) -> AsyncIterator[Kit]:
    made = Kit(counters or {}, node, **key_managers)
    try:
        yield made
    finally:
        await made.lease.release()
        await made.egress.close()


def test_it_is_what_the_sdk_calls_a_context() -> None:
    async def scenario() -> None:
        async with kit() as made:
            context: Context = made.context()
            for name in (name for name in vars(Context) if not name.startswith("_")):
                assert hasattr(context, name), name

    run(scenario())


def test_the_clock_tells_the_time_of_the_machine() -> None:
    assert abs(time.time() - SystemClock().now()) < 1
    assert abs(time.monotonic() - SystemClock().monotonic()) < 1


def test_a_line_of_the_log_names_the_place_of_its_plugin() -> None:
    async def scenario() -> None:
        async with kit() as made:
            made.context("apis/a:1/request/x").log.info("seen", count=1)
            assert [{"event": "seen", "count": 1, "plugin": "apis/a:1/request/x"}] == made.lines

    run(scenario())


def test_metrics_are_those_of_the_process() -> None:
    async def scenario() -> None:
        async with kit() as made:
            made.context().metrics.counter("things", "Things")()
            assert b"things_total 1.0" in made.metrics.exposition()

    run(scenario())


def test_applications_are_found_by_their_keys() -> None:
    async def scenario() -> None:
        async with kit() as made:
            found = made.context().applications.find("api-key", "k")
            assert found is not None
            assert SHOP == found.application

    run(scenario())


def test_a_key_manager_is_found_by_its_name() -> None:
    async def scenario() -> None:
        manager = FakeKeyManager()
        async with kit(main=manager) as made:
            assert manager is made.context().key_manager("main")

    run(scenario())


def test_counters_of_no_name_are_the_default_ones_or_those_of_the_node() -> None:
    async def scenario() -> None:
        default, other, node = CounterStore(), CounterStore(), CounterStore()
        async with kit(node=node) as made:
            assert node is made.context().counters()
        async with kit({"default": default, "other": other}, node) as made:
            context = made.context()
            assert (default, other) == (context.counters(), context.counters("other"))
            assert (node, None) == (context.counters("node"), context.counters("process"))
        async with kit() as made:  # one process alone
            assert (None, None) == (made.context().counters(), made.context().counters("node"))

    run(scenario())


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("defualt", "did you mean 'default'?"),
        ("x", "there are: default, node, process"),
        ("ndoe", "did you mean 'node'?"),
    ],
)
def test_unknown_counters_come_with_those_there_are(wanted: str, hint: str) -> None:
    async def scenario() -> None:
        async with kit({"default": CounterStore()}) as made:
            with pytest.raises(LookupError) as caught:
                made.context().counters(wanted)
            assert f"no counter store is named {wanted!r} under `counters`; {hint}" == caught.value.args[0]

    run(scenario())


@pytest.mark.parametrize(
    ("known", "wanted", "hint"),
    [
        (["main"], "mian", "did you mean 'main'?"),
        (["main", "backup"], "x", "there are: backup, main"),
        ([], "main", "there are: none"),
    ],
)
def test_an_unknown_key_manager_comes_with_those_there_are(known: list[str], wanted: str, hint: str) -> None:
    async def scenario() -> None:
        async with kit(**{name: FakeKeyManager() for name in known}) as made:
            with pytest.raises(LookupError) as caught:
                made.context().key_manager(wanted)
            assert f"no key manager is named {wanted!r}; {hint}" == caught.value.args[0]

    run(scenario())


def test_callouts_go_through_the_guard() -> None:
    async def scenario() -> None:
        async with kit() as made:
            with pytest.raises(EgressRefused):
                await made.context().fetch("http://127.0.0.1/")

    run(scenario())


def test_what_is_shared_is_opened_once_for_all_places() -> None:
    async def scenario() -> None:
        async with kit() as made:
            values = [await made.context(place).shared("key", object) for place in ("a", "b")]
            assert values[0] is values[1]

    run(scenario())


def test_a_background_task_is_named_after_its_place() -> None:
    async def scenario() -> None:
        async def work() -> None:
            pass

        async with kit() as made:
            made.context("apis/a:1/request/x").spawn(work(), "refresh")
            assert ["apis/a:1/request/x: refresh"] == made.spawned

    run(scenario())


# Upstreams


def test_an_upstream_sends_the_request_of_an_exchange() -> None:
    async def scenario() -> None:
        async with kit() as made, FakeBackend(Answer(201, (), b"made")) as backend:
            upstream = await made.context().upstream(f"{backend.url}/ignored", UpstreamSettings())
            response = await upstream.send(make_exchange("POST /x", body=b"body"), "/target?y=1")
            assert (201, b"made") == (response.status, await response.body.read())
            request = backend.requests[0]
            assert ("POST", "/target?y=1", b"body") == (request.method, request.target, request.body)

    run(scenario())


@pytest.mark.parametrize(
    ("paths", "settings", "connections"),
    [
        (["/a", "/b"], [UpstreamSettings(), UpstreamSettings()], 1),
        (["/a", "/a"], [UpstreamSettings(), UpstreamSettings(connect_timeout=Duration("9s"))], 2),
    ],
)
def test_upstreams_of_one_origin_and_the_same_settings_share_their_connections(
    paths: list[str], settings: list[UpstreamSettings], connections: int
) -> None:
    async def scenario() -> None:
        async with kit() as made, FakeBackend() as backend:
            for path, setting in zip(paths, settings, strict=True):
                upstream = await made.context(path).upstream(backend.url + path, setting)
                await (await upstream.send(make_exchange(), "/")).body.read()
            assert connections == backend.connections

    run(scenario())


def test_settings_of_a_plugin_that_add_to_the_upstreams_own_do_not_part_its_connections() -> None:
    @attrs.frozen
    class Settings(UpstreamSettings):
        """Settings of an endpoint."""

        colour: str = "red"
        """Nothing to an upstream."""

    async def scenario() -> None:
        async with kit() as made, FakeBackend() as backend:
            for colour in ("red", "blue"):
                upstream = await made.context().upstream(backend.url, Settings(colour=colour))
                await (await upstream.send(make_exchange(), "/")).body.read()
            assert 1 == backend.connections

    run(scenario())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a", "http://a"),
        ("https://a/x?y", "https://a"),
        ("http://a:8080/", "http://a:8080"),
        ("http://[::1]:80/x", "http://[::1]"),
        ("HTTP://A/", "http://a"),
    ],
)
def test_the_origin_of_a_url_is_its_scheme_host_and_port(url: str, expected: str) -> None:
    assert expected == str(origin_of(url))


@pytest.mark.parametrize("url", ["", "a", "ftp://a/", "http://", "/path", "http:///x", "unix:/run/x"])
def test_what_is_no_url_of_a_backend_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a backend: write http://host:port/path"):
        origin_of(url)
