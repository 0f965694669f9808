"""What only counters in Redis do: servers that are slow, stop, restart, fail over, forget, lie, or are many."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Limit, Secret, SharedCounter
from apim_sdk.counting import ALGORITHMS
from apim_sdk.testing.context import FakeContext, started
from apim_stores.redis_address import Sentinels
from apim_stores.redis_counters import RedisCounters
from apim_stores.redis_counting_script import COUNT_SHA
from apim_stores.tls import TLS
from support.authority import make_certificates
from support.counter_rooms import redis_stores
from support.delaying import delaying
from support.redis import ClusterProcess, RedisProcess, Watched, join, running, watched
from support.stores import eventually

LIMIT = Limit(5, 3600.0)
algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


@pytest.fixture
def server(tmp_path: Path) -> RedisProcess:
    """A server of the test's own, not yet started."""
    return RedisProcess(tmp_path / "redis")


@contextlib.asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[tuple[SharedCounter, FakeContext]]:
    """A counter, and the context of its store."""
    context = FakeContext(place="counters/x")
    async with started(RedisCounters(Secret(url), **{"timeout": "5s", **settings}), context) as store:
        yield store.counter("limit", LIMIT), context


def granting(counter: SharedCounter, key: str = "a") -> Callable[[], Awaitable[bool]]:
    """Whether a unit of a key can be had."""

    async def granted() -> bool:
        try:
            return (await counter.grant(key, 1, 1)).units == 1
        except OSError:
            return False

    return granted


# Away


def test_a_start_does_not_wait_for_a_server_that_is_away_and_says_so(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with opened(server.url) as (counter, context):
            with pytest.raises(ConnectionError, match=f"Redis at 127.0.0.1:{server.port} cannot be reached"):
                await counter.grant("a", 1, 1)
            return [(line.level, line.event) for line in context.log.lines], context.metrics.counters

    lines, counted = asyncio.run(scenario())
    assert [("warning", "A counter store is away at the start")] == lines
    assert {("apim_counter_errors", "counters/x", "away"): 1} == counted


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_a_host_that_is_none_is_told(host: str) -> None:
    async def scenario() -> None:
        async with opened(f"redis://{host}:6379") as (counter, _):
            with pytest.raises(OSError, match=f"Redis at {host}:6379 cannot be reached"):
                await counter.grant("a", 1, 1)

    asyncio.run(scenario())


def test_a_server_that_comes_later_is_used_then(server: RedisProcess) -> None:
    async def scenario() -> None:
        async with opened(server.url) as (counter, _):
            await asyncio.to_thread(server.start)
            await eventually(granting(counter))

    try:
        asyncio.run(scenario())
    finally:
        server.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_counts_that_the_server_kept_go_on_after_its_restart(server: RedisProcess, how: signal.Signals) -> None:
    async def scenario() -> Any:
        async with opened(server.url) as (counter, _):
            await counter.grant("a", 3, 3)
            await asyncio.to_thread(server.stop, how)
            with pytest.raises(ConnectionError):
                await counter.grant("a", 1, 1)
            await asyncio.to_thread(server.start)
            seconds = await eventually(granting(counter))
            return seconds < 3.0, (await counter.grant("a", 1, 5)).units

    with running(server):
        assert (True, 1) == asyncio.run(scenario())


def test_no_more_than_the_limit_passes_while_connections_are_cut_again_and_again(redis_server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with delaying(redis_server.port) as relay:
            url = f"redis://127.0.0.1:{relay.port}/0"
            async with redis_stores(url) as (store,):
                counter, passed, failed = store.counter("limit", Limit(300, 3600.0)), 0, 0
                for number in range(60):
                    results = await asyncio.gather(
                        *[counter.grant("a", 1, 1) for _ in range(10)], return_exceptions=True
                    )
                    failed += sum(isinstance(each, OSError) for each in results)
                    passed += sum(each.units for each in results if not isinstance(each, BaseException))
                    if number % 10 == 5:
                        relay.cut()
                        await eventually(granting(counter, "other"))
                return passed, failed

    passed, failed = asyncio.run(scenario())
    assert 0 < passed <= 300
    assert failed <= 60


# Slow


def test_a_decision_that_takes_too_long_fails_and_the_next_ones_do_not(redis_server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with delaying(redis_server.port) as relay:
            url = f"redis://127.0.0.1:{relay.port}/0"
            async with redis_stores(url, timeout="500ms") as (store,):
                counter = store.counter("limit", LIMIT)
                await eventually(granting(counter))
                relay.delay = 0.7
                start = time.monotonic()
                with pytest.raises(TimeoutError, match=r"Redis has not answered within 0\.5 s"):
                    await counter.grant("a", 1, 1)
                seconds = time.monotonic() - start
                relay.delay = 0.0
                await eventually(granting(counter))
                return seconds

    # The first one, the late one and the last one have counted: it was not known, but it was so.
    assert 0.49 < asyncio.run(scenario()) < 3.0


def test_a_server_that_hangs_costs_the_time_out_and_is_connected_anew(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with opened(server.url, timeout="50ms") as (counter, context):
            await eventually(granting(counter))
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            try:
                results = await asyncio.gather(*[counter.grant("a", 1, 1) for _ in range(9)], return_exceptions=True)

                async def given_up() -> bool:
                    with pytest.raises(OSError, match="Redis") as raised:
                        await counter.grant("a", 1, 1)
                    return not isinstance(raised.value, TimeoutError)

                await eventually(given_up)
            finally:
                server.process.send_signal(signal.SIGCONT)
            await eventually(granting(counter, "b"))
            return {type(each) for each in results}, context.metrics.counters

    with running(server):
        kinds, counted = asyncio.run(scenario())
    assert {TimeoutError} == kinds
    assert counted["apim_counter_errors", "counters/x", "timeout"] >= 9


def test_no_more_decisions_wait_than_there_may(redis_server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with redis_stores(redis_server.url, waiting=3) as (store,):
            counter = store.counter("limit", LIMIT)
            first = await asyncio.gather(*[counter.grant("a", 1, 1) for _ in range(5)], return_exceptions=True)
            return first, (await counter.grant("a", 1, 9)).units

    first, then = asyncio.run(scenario())
    assert [ConnectionError] * 2 == [type(each) for each in first[3:]]
    assert ([1, 1, 1], 2) == ([each.units for each in first[:3]], then)


def test_callers_that_stop_waiting_leave_no_room_taken(redis_server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with redis_stores(redis_server.url, waiting=3) as (store,):
            counter = store.counter("limit", LIMIT)
            for _ in range(5):
                asked: list[Any] = [counter.grant("a", 1, 1) for _ in range(3)]
                for each in asked:
                    each.cancel()
                await asyncio.sleep(0)
            return (await counter.grant("b", 1, 1)).units

    assert 1 == asyncio.run(scenario())


# What the server forgets, and what stands in it


def test_scripts_that_the_server_has_forgotten_are_sent_again(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with opened(server.url) as (counter, _):
            await counter.grant("a", 1, 1)
            await asyncio.to_thread(server.send, "SCRIPT FLUSH")
            return (await counter.grant("a", 1, 9)).units

    with running(server):
        assert 4 == asyncio.run(scenario())


@algorithms
def test_idle_keys_vanish_from_the_server(server: RedisProcess, algorithm: str) -> None:
    async def scenario() -> None:
        async with redis_stores(server.url, prefix="t:") as (store,):
            counter = store.counter("limit", Limit(5, 0.05, algorithm))
            await asyncio.gather(*[counter.grant(f"{number}", 1, 3) for number in range(100)])
            assert server.send("DBSIZE").startswith(":101")

            async def gone() -> bool:
                return await asyncio.to_thread(server.send, "KEYS *") == "*1\r\n$11\r\nt:{members}\r\n"

            await eventually(gone)

    with running(server):
        asyncio.run(scenario())


HOSTILE = [
    ["SET", "KEY", "nonsense"],
    ["SET", "KEY", "1 2"],
    ["SET", "KEY", "-1 -1 -1"],
    ["SET", "KEY", "9" * 400 + " 1 1"],
    ["SET", "KEY", "9007199254740992 9007199254740992 9007199254740992"],
    ["SET", "KEY", "0 0 0"],
    ["HSET", "KEY", "a", "b"],
    ["RPUSH", "KEY", "nonsense"],
    ["RPUSH", "KEY", "5", "nonsense"],
    ["RPUSH", "KEY", "-5", "1 1"],
    ["RPUSH", "KEY", "5"],
    ["RPUSH", "KEY", "5", "9007199254740992 9007199254740992"],
    ["ZADD", "KEY", "1", "a"],
]


@algorithms
@pytest.mark.parametrize("command", HOSTILE, ids=[" ".join(each)[:24] for each in HOSTILE])
def test_values_that_are_none_are_dropped_and_disturb_nothing(
    redis_server: RedisProcess, algorithm: str, command: list[str]
) -> None:
    async def scenario() -> None:
        async with redis_stores(redis_server.url) as (store,):
            counter = store.counter("limit", Limit(5, 60.0, algorithm))
            await counter.grant("a", 1, 1)
            name = counter.place_of("a")[0].decode()
            for line in (["DEL", "KEY"], command):
                words = [f'"{name}"' if word == "KEY" else f'"{word}"' for word in line]
                assert not redis_server.send(" ".join(words)).startswith("-")
            for units in (1, -1, 0, 3):
                await counter.settle("a", units)
            assert 0 <= (await counter.grant("a", 1, 9)).units <= 5
            assert 0 <= (await counter.grant("b", 1, 9)).units <= 5
            await counter.reset("a")
            assert 5 == (await counter.grant("a", 1, 9)).units

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n",
        b"*2\r\n:1\r\n:2\r\n",
        b"$-1\r\n",
        b":1\r\n",
        b"*7\r\n" + b"$1\r\nx\r\n" * 7,
        b"*7\r\n:9000000000000000000\r\n" + b":1\r\n" * 6,
        b"+OK\r\n" * 9,
    ],
)
def test_a_server_that_answers_nonsense_is_believed_nothing(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if b"EVALSHA" in data:
                writer.write(answer)
            else:
                writer.write(b"+OK\r\n" * data.count(b"$6\r\nSCRIPT"))
        writer.close()

    async def scenario() -> None:
        served = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = served.sockets[0].getsockname()[1]
        async with opened(f"redis://127.0.0.1:{port}", timeout="500ms") as (counter, _):
            for _ in range(3):
                with pytest.raises(OSError, match=r"Redis|server"):
                    await counter.grant("a", 1, 1)
        served.close()

    asyncio.run(scenario())


# The clock


def test_a_gateway_whose_clock_is_wrong_counts_in_the_window_of_the_servers(
    redis_server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit(5, 86_400.0, "fixed-window", calendar="day")

    async def scenario() -> Any:
        async with redis_stores(redis_server.url, 2) as (right, wrong):
            await right.counter("limit", limit).grant("a", 3, 3)
            monkeypatch.setattr(time, "time", lambda real=time.time: real() - 40 * 86_400)
            return await wrong.counter("limit", limit).grant("a", 1, 5), await right.counter("limit", limit).settle(
                "a", 0
            )

    begun = datetime.now(UTC)
    skewed, standing = asyncio.run(scenario())
    if begun.date() == datetime.now(UTC).date():  # no midnight in between
        assert (2, 0) == (skewed.units, standing.remaining)
        assert abs(skewed.reset - standing.reset) < 60


# Who counts together


def test_members_are_the_processes_that_count_together(redis_server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with redis_stores(redis_server.url, 2) as (one, other):
            prefix = one.prefix
            two = await one.members(), await other.members()
            async with redis_stores(redis_server.url, prefix=prefix) as (third,):
                three = await third.members()
            return two[1], three, await one.members()

    assert (2, 3, 2) == asyncio.run(scenario())


def test_configurations_of_one_process_are_one_member(redis_server: RedisProcess) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        url, prefix = Secret(redis_server.url), f"reload{time.time_ns()}:"
        async with started(RedisCounters(url, prefix=prefix, timeout="5s"), context) as before:
            after = RedisCounters(url, prefix=prefix, timeout="4s")
            await after.start(context)
            return await before.members(), await after.members()

    assert (1, 1) == asyncio.run(scenario())


# Who may

ACL = (
    "ACL SETUSER gateway on >open-sesame ~apim:count:* +ping +select +evalsha +script|load +time +get +set +del "
    "+lindex +llen +lrange +lset +ltrim +lpush +rpush +rpop +pexpire +zadd +zrem +zremrangebyscore +zcard"
)


def test_a_user_with_no_more_rights_than_documented_will_do(server: RedisProcess) -> None:
    async def scenario() -> None:
        url = Secret(f"redis://gateway:open-sesame@127.0.0.1:{server.port}/0")
        async with started(RedisCounters(url, timeout="5s"), FakeContext()) as store:
            for algorithm in ALGORITHMS:
                counter = store.counter("limit", Limit(5, 60.0, algorithm))
                assert 5 == (await counter.grant("a", 1, 9)).units
                assert 2 == (await counter.settle("a", -2)).remaining
                await counter.reset("a")
            assert 1 == await store.members()

    with running(server):
        assert server.send(ACL).startswith("+OK")
        asyncio.run(scenario())


def test_a_wrong_password_is_told_and_not_shown(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with opened(f"redis://gateway:wrong-sesame@127.0.0.1:{server.port}/0") as (counter, context):
            with pytest.raises(ConnectionError, match="invalid username-password pair") as raised:
                await counter.grant("a", 1, 1)
            return f"{raised.value} {raised.value!r} {context.log.lines}"

    with running(server):
        server.send(ACL)
        assert "sesame" not in asyncio.run(scenario())


def test_a_server_with_tls_is_trusted_where_its_certificate_is(server: RedisProcess, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    secured = RedisProcess(
        tmp_path / "tls",
        *("--tls-port", str(server.port), "--tls-auth-clients", "yes", "--tls-ca-cert-file", str(made.ca)),
        *("--tls-cert-file", str(made.certificate), "--tls-key-file", str(made.key)),
    )

    async def first(trusted: bool) -> int:
        tls = TLS(ca=made.ca if trusted else None, certificate=made.certificate, key=made.key)
        async with opened(f"rediss://localhost:{server.port}/0", tls=tls) as (counter, _):
            return (await counter.grant("a", 1, 1)).units

    with running(secured):
        assert 1 == asyncio.run(first(trusted=True))
        with pytest.raises(ConnectionError, match="certificate verify failed"):
            asyncio.run(first(trusted=False))


# Sentinel


def test_when_the_master_is_gone_the_one_that_sentinels_choose_counts_on(tmp_path: Path) -> None:
    async def scenario(servers: Watched) -> Any:
        nobody = RedisProcess(tmp_path).port
        sentinels = Sentinels((f"127.0.0.1:{nobody}", f"127.0.0.1:{servers.sentinel.port}"))
        async with opened("redis://apim/0", sentinels=sentinels) as (counter, _):
            await counter.grant("a", 3, 3)

            async def replicated() -> bool:
                return (await asyncio.to_thread(servers.replica.send, "DBSIZE")).startswith(":2")

            await eventually(replicated)
            await asyncio.to_thread(servers.master.stop)
            await eventually(granting(counter), 30)
            return (await counter.grant("a", 1, 9)).units

    with watched(tmp_path) as servers:
        assert 1 == asyncio.run(scenario(servers))


def test_a_server_that_has_become_a_replica_is_left(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with opened(server.url) as (counter, _):
            await counter.grant("a", 1, 1)
            await asyncio.to_thread(server.send, "REPLICAOF 127.0.0.1 1")
            with pytest.raises(ConnectionError, match="READONLY"):
                await counter.grant("a", 1, 1)
            await asyncio.to_thread(server.send, "REPLICAOF NO ONE")
            await eventually(granting(counter))

    with running(server):
        asyncio.run(scenario())


# Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClusterProcess]]:
    """Three masters."""
    nodes = [ClusterProcess(tmp_path_factory.mktemp("cluster") / f"{number}") for number in range(3)]
    with running(*nodes):
        join(nodes)
        yield nodes


@algorithms
def test_a_cluster_counts_like_one_server(cluster: list[ClusterProcess], algorithm: str) -> None:
    async def scenario() -> Any:
        async with redis_stores(cluster[0].url, 2, cluster=True) as stores:
            counters = [store.counter("limit", Limit(5, 3600.0, algorithm)) for store in stores]
            asked = [counters[number % 2].grant(f"{number % 30}", 1, 1) for number in range(600)]
            granted = [grant.units for grant in await asyncio.gather(*asked)]
            await counters[0].reset("7")
            return sum(granted), (await counters[1].settle("7", 0)).remaining, await stores[0].members()

    sizes = [node.send("DBSIZE") for node in cluster]
    assert (150, 5, 2) == asyncio.run(scenario())
    assert all(before != node.send("DBSIZE") for before, node in zip(sizes, cluster, strict=True))


def test_a_slot_that_moves_is_followed(cluster: list[ClusterProcess]) -> None:
    async def scenario() -> Any:
        async with redis_stores(cluster[0].url, cluster=True) as (store,):
            counter = store.counter("limit", Limit(5, 3600.0))
            await counter.grant("a", 2, 2)
            await asyncio.to_thread(move, cluster, counter.place_of("a")[1])
            return [(await counter.grant("a", 1, 1)).units for _ in range(4)]

    assert [1, 1, 1, 0] == asyncio.run(scenario())


def move(cluster: list[ClusterProcess], slot: int) -> None:
    """Give a slot with its keys to another master."""
    ids = [node.send("CLUSTER MYID").splitlines()[1] for node in cluster]
    (source,) = [
        n for n, node in enumerate(cluster) if not node.send(f"CLUSTER COUNTKEYSINSLOT {slot}").startswith(":0")
    ]
    target = (source + 1) % 3
    cluster[target].send(f"CLUSTER SETSLOT {slot} IMPORTING {ids[source]}")
    cluster[source].send(f"CLUSTER SETSLOT {slot} MIGRATING {ids[target]}")
    keys = cluster[source].send(f"CLUSTER GETKEYSINSLOT {slot} 100").splitlines()[2::2]
    for key in keys:
        assert cluster[source].send(f'MIGRATE 127.0.0.1 {cluster[target].port} "{key}" 0 5000').startswith("+OK")
    for number in (target, source, 3 - target - source):
        assert cluster[number].send(f"CLUSTER SETSLOT {slot} NODE {ids[target]}").startswith("+OK")


def test_a_slot_that_is_being_moved_is_asked_where_it_goes(cluster: list[ClusterProcess]) -> None:
    async def scenario() -> Any:
        async with redis_stores(cluster[1].url, cluster=True) as (store,):
            counter = store.counter("moving", Limit(5, 3600.0))
            await asyncio.to_thread(begin_to_move, cluster, counter.place_of("a")[1])
            return [(await counter.grant("a", 1, 4)).units for _ in range(3)]

    assert [4, 1, 0] == asyncio.run(scenario())


def begin_to_move(cluster: list[ClusterProcess], slot: int) -> None:
    """Leave a slot between two masters: keys that are new begin at the other one."""
    ids = [node.send("CLUSTER MYID").splitlines()[1] for node in cluster]
    (source,) = [number for number in range(3) if ids[number] in owner_of(cluster[0], slot)]
    target = (source + 1) % 3
    cluster[target].send(f"CLUSTER SETSLOT {slot} IMPORTING {ids[source]}")
    cluster[source].send(f"CLUSTER SETSLOT {slot} MIGRATING {ids[target]}")


def owner_of(node: ClusterProcess, slot: int) -> str:
    """The line of CLUSTER NODES for the master of a slot."""
    for line in node.send("CLUSTER NODES").splitlines()[1:]:
        for span in line.split()[8:]:
            first, _, last = span.partition("-")
            if first.isdigit() and int(first) <= slot <= int(last or first):
                return line
    raise AssertionError(f"nobody has slot {slot}")


def test_a_cluster_that_is_taken_for_one_server_says_so(cluster: list[ClusterProcess]) -> None:
    async def scenario() -> None:
        async with redis_stores(cluster[0].url) as (store,):
            counter = store.counter("limit", LIMIT)
            with pytest.raises(ConnectionError, match=r"MOVED|CROSSSLOT"):
                await asyncio.gather(*[counter.grant(f"{number}", 1, 1) for number in range(50)])

    asyncio.run(scenario())


def test_one_server_that_is_taken_for_a_cluster_says_so(redis_server: RedisProcess) -> None:
    async def scenario() -> None:
        async with redis_stores(redis_server.url, cluster=True) as (store,):
            with pytest.raises(ConnectionError, match="cluster support disabled"):
                await store.counter("limit", LIMIT).grant("a", 1, 1)

    asyncio.run(scenario())


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": Secret("http://127.0.0.1")}, "write redis://"),
        ({"url": Secret("redis://127.0.0.1:port")}, "must be numbers"),
        ({"url": Secret("redis://127.0.0.1/one")}, "must be numbers"),
        ({"prefix": "a{b"}, "braces are for the hash tags"),
        ({"timeout": "1m"}, "10s at most"),
        ({"cluster": True, "sentinels": Sentinels(("a",))}, "needs no Sentinels"),
        ({"cluster": True, "url": Secret("redis://127.0.0.1/1")}, "has no databases"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RedisCounters(**{"url": Secret("redis://127.0.0.1"), **settings})


def test_a_server_may_listen_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = RedisProcess(tmp_path / "redis", "--unixsocket", str(path))

    async def scenario() -> Any:
        async with opened(f"unix://{path}?db=1") as (counter, _):
            return (await counter.grant("a", 1, 1)).units

    with running(server):
        assert 1 == asyncio.run(scenario())


def test_the_script_is_known_to_the_server_by_its_digest(redis_server: RedisProcess) -> None:
    async def scenario() -> None:
        async with redis_stores(redis_server.url) as (store,):
            await store.members()

    asyncio.run(scenario())
    assert "*1\r\n:1\r\n" == redis_server.send(f"SCRIPT EXISTS {COUNT_SHA}")
