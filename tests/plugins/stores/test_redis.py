"""What only a store in Redis does: servers that stop, restart, fail over, forget, and want to know who it is."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Duration, Secret
from apim_sdk.testing.context import FakeContext, started
from apim_stores import following as following_module
from apim_stores.redis import Redis, Sentinels
from apim_stores.tls import TLS
from support.authority import make_certificates
from support.redis import RedisProcess, Watched, running, watched
from support.stores import eventually, following


@pytest.fixture
def server(tmp_path: Path) -> RedisProcess:
    """A server of the test's own, not yet started."""
    return RedisProcess(tmp_path / "redis")


def store_of(server: RedisProcess, **settings: Any) -> Redis:
    return Redis(Secret(server.url), **settings)


# Away


def test_a_start_does_not_wait_for_a_server_that_is_away_and_says_so(server: RedisProcess) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        async with started(store_of(server), context) as store:
            with pytest.raises(ConnectionError, match=f"connecting to 127.0.0.1:{server.port}"):
                await store.get("a")
            with pytest.raises(ConnectionError):
                await anext(store.follow(""))
            return [(line.level, line.event) for line in context.log.lines]

    assert [("warning", "A store is away at the start")] == asyncio.run(scenario())


def test_a_server_that_does_not_answer_is_away_after_the_time_out(server: RedisProcess) -> None:
    async def scenario() -> float:
        async with started(store_of(server, timeout=Duration("300ms"))) as store:
            await store.put("a", b"1")
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            try:
                start = time.monotonic()
                with pytest.raises(TimeoutError, match=r"Redis has not answered within 0\.3 s"):
                    await store.get("a")
                seconds = time.monotonic() - start
            finally:
                server.process.send_signal(signal.SIGCONT)

            async def answers() -> bool:
                try:
                    return await store.get("a") == b"1"
                except OSError:
                    return False

            await eventually(answers)
            return seconds

    with running(server):
        assert 0.29 < asyncio.run(scenario()) < 2.0


def test_calls_beyond_the_connections_wait_for_one(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with started(store_of(server, connections=2)) as store:
            await asyncio.gather(*[store.put(f"{number}", b"1") for number in range(200)])
            clients = await asyncio.to_thread(server.send, "CLIENT LIST TYPE normal")
            return clients.count(" addr=") - 1  # without the one that asks

    with running(server):
        assert 2 == asyncio.run(scenario())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_follower_goes_on_within_a_second_after_the_server_was_restarted(
    server: RedisProcess, how: signal.Signals
) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        async with started(store_of(server), context) as store, following(store) as follower:
            await store.put("a", b"1")
            await follower.until(lambda each: "a" in each.values)
            await asyncio.to_thread(server.stop, how)
            with pytest.raises(ConnectionError):
                await store.get("a")
            await asyncio.to_thread(server.start)
            assert b"1" == await store.get("a")
            await store.put("b", b"2")
            seconds = await follower.until(lambda each: each.values == {"a": b"1", "b": b"2"})
            await store.delete("a")
            await follower.until(lambda each: each.values == {"b": b"2"})
            return seconds < 1.5

    with running(server):
        assert asyncio.run(scenario())


def test_a_follower_of_a_server_that_was_away_for_long_knows_all_that_changed(server: RedisProcess) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        async with started(store_of(server), context) as store, following(store) as follower:
            await store.put("a", b"1")
            await store.put("b", b"1")
            await asyncio.to_thread(server.stop)

            async def noticed() -> bool:
                return bool(context.log.lines)

            await eventually(noticed)
            await asyncio.to_thread(server.start)
            async with started(store_of(server)) as other:
                await other.delete("a")
                await other.put("c", b"1")
            await follower.until(lambda each: each.values == {"b": b"1", "c": b"1"})
            return follower.firsts, {line.event for line in context.log.lines}

    with running(server):
        firsts, events = asyncio.run(scenario())
    assert 2 <= firsts
    assert {"A store is away; changes are not seen until it is back"} == events


def test_a_follower_is_told_that_the_server_stays_away(server: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_module, "_PATIENCE", 0.5)

    async def scenario() -> None:
        async with started(store_of(server)) as store:
            batches = store.follow("")
            await anext(batches)
            await asyncio.to_thread(server.stop)
            with pytest.raises(ConnectionError):
                await anext(batches)

    with running(server):
        asyncio.run(scenario())


# What the server forgets


def test_a_follower_of_a_server_that_was_flushed_begins_again(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with started(store_of(server)) as store, following(store) as follower:
            await store.put("a", b"1")
            await follower.until(lambda each: "a" in each.values)
            await asyncio.to_thread(server.send, "FLUSHALL")
            await follower.until(lambda each: each.firsts == 2)
            await store.put("b", b"1")
            await follower.until(lambda each: each.values == {"b": b"1"})

    with running(server):
        asyncio.run(scenario())


def test_a_follower_that_missed_more_than_the_log_holds_begins_again(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with started(store_of(server, changes=100)) as store:
            await store.put("before", b"1")
            batches = store.follow("")
            first = (await anext(batches)).first
            await asyncio.gather(*[store.put(f"{number % 7}", b"1") for number in range(1000)])
            second = await anext(batches)
            await batches.aclose()
            length = await asyncio.to_thread(server.send, "XLEN apim:changes")
            return first, second.first, len(second.changes), int(length[1:]) < 300

    with running(server):
        assert (True, True, 8, True) == asyncio.run(scenario())


def test_scripts_that_the_server_has_forgotten_are_sent_again(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with started(store_of(server)) as store:
            await store.put("a", b"1")
            await asyncio.to_thread(server.send, "SCRIPT FLUSH")
            await store.put("a", b"2")
            return await store.get("a")

    with running(server):
        assert b"2" == asyncio.run(scenario())


def test_what_is_gone_leaves_nothing_in_the_server_but_the_log(server: RedisProcess) -> None:
    async def scenario() -> Any:
        async with started(store_of(server)) as store:
            await store.put("deleted", b"1")
            await store.delete("deleted")
            await store.put("taken", b"1", expires_in=60)
            await store.take("taken")
            await store.put("expired", b"1", expires_in=0.01)

            async def swept() -> bool:
                return await asyncio.to_thread(server.send, "KEYS *") == "*1\r\n$12\r\napim:changes\r\n"

            await eventually(swept)

    with running(server):
        asyncio.run(scenario())


# Who may


ACL = (
    "ACL SETUSER gateway on >open-sesame ~apim:* "
    "+ping +select +get +set +del +exists +time +evalsha +script|load +zadd +zrem +zrangebylex +zrangebyscore +xadd "
    "+xrange +xrevrange +xread"
)


def test_a_user_with_no_more_rights_than_documented_will_do(server: RedisProcess) -> None:
    async def scenario() -> Any:
        url = Secret(f"redis://gateway:open-sesame@127.0.0.1:{server.port}/0")
        async with started(Redis(url)) as store, following(store) as follower:
            await store.add("a", b"1", expires_in=0.05)
            await store.add("b", b"1")
            await store.replace("b", b"1", b"2")
            await follower.until(lambda each: each.values == {"b": b"2"})
            await store.take("b")
            await store.delete("b")
            await follower.until(lambda each: each.values == {})
            return [key async for key, _ in store.scan("")]

    with running(server):
        assert server.send(ACL).startswith("+OK")
        assert [] == asyncio.run(scenario())


def test_a_wrong_password_is_told_and_not_shown(server: RedisProcess) -> None:
    async def scenario() -> Any:
        context = FakeContext()
        url = Secret(f"redis://gateway:wrong-sesame@127.0.0.1:{server.port}/0")
        async with started(Redis(url), context) as store:
            with pytest.raises(ConnectionError, match="invalid username-password pair") as raised:
                await store.get("a")
            return f"{raised.value} {raised.value!r} {context.log.lines} {store!r}"

    with running(server):
        server.send(ACL)
        assert "wrong-sesame" not in asyncio.run(scenario())


@pytest.mark.parametrize("trusted", [True, False])
def test_the_certificate_of_the_server_is_checked(tmp_path: Path, server: RedisProcess, trusted: bool) -> None:
    made = make_certificates(tmp_path)
    secure = RedisProcess(
        tmp_path / "tls",
        *("--tls-port", str(server.port), "--tls-auth-clients", "yes", "--tls-ca-cert-file", str(made.ca)),
        *("--tls-cert-file", str(made.certificate), "--tls-key-file", str(made.key)),
    )

    async def scenario() -> bool:
        tls = TLS(ca=made.ca if trusted else None, certificate=made.certificate, key=made.key)
        url = Secret(f"rediss://localhost:{server.port}/0")
        async with started(Redis(url, tls=tls)) as store:
            if not trusted:
                with pytest.raises(ConnectionError, match="certificate verify failed"):
                    await store.get("a")
                return False
            return await store.add("a", b"1")

    with running(secure):
        assert trusted == asyncio.run(scenario())


def test_a_server_that_wants_a_certificate_gets_none_without_one(tmp_path: Path, server: RedisProcess) -> None:
    made = make_certificates(tmp_path)
    secure = RedisProcess(
        tmp_path / "tls",
        *("--tls-port", str(server.port), "--tls-auth-clients", "yes", "--tls-ca-cert-file", str(made.ca)),
        *("--tls-cert-file", str(made.certificate), "--tls-key-file", str(made.key)),
    )

    async def scenario() -> None:
        url = Secret(f"rediss://localhost:{server.port}/0")
        async with started(Redis(url, tls=TLS(ca=made.ca))) as store:
            with pytest.raises(ConnectionError):
                await store.get("a")

    with running(secure):
        asyncio.run(scenario())


# Sentinel


def test_when_the_master_is_gone_the_one_that_sentinels_choose_is_used(tmp_path: Path) -> None:
    async def scenario(servers: Watched) -> Any:
        addresses = (f"127.0.0.1:{RedisProcess(tmp_path).port}", f"127.0.0.1:{servers.sentinel.port}")
        settings = Redis(Secret("redis://apim/0"), sentinels=Sentinels(addresses))
        async with started(settings) as store, following(store) as follower:
            await store.put("a", b"1")

            async def replicated() -> bool:
                return "$1\r\n1" in await asyncio.to_thread(servers.replica.send, "GET apim:value:a")

            await eventually(replicated)
            await asyncio.to_thread(servers.master.stop)

            async def written() -> bool:
                try:
                    await store.put("b", b"2")
                except OSError:
                    return False
                return True

            await eventually(written, 30)
            await follower.until(lambda each: each.values == {"a": b"1", "b": b"2"})
            return await asyncio.to_thread(servers.failed_over)

    with watched(tmp_path) as servers:
        assert asyncio.run(scenario(servers))


# Settings


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", ""])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write redis://"):
        Redis(Secret(url))


@pytest.mark.parametrize("address", ["", "http://127.0.0.1", "user@host", "host:port", "host:1/x"])
def test_what_is_no_address_of_a_sentinel_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address of a Sentinel|Port could not be cast"):
        Sentinels((address,))


def test_a_sentinel_listens_on_its_usual_port_unless_another_is_given() -> None:
    assert (("one", 26379), ("::1", 26380)) == Sentinels(("one", "[::1]:26380")).pairs
