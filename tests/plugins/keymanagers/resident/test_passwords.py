"""Passwords and guessing: the password grant, wrong passwords, and how many there may be."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.passwords import Passwords, hash_password
from apim_keymanagers.resident.throttle import Throttle
from apim_sdk.testing import FakeClock
from support.resident import ANN, residing

PASSWORD = {"grants": ["password", "refresh_token"], "shop": {"grant_types": ["password", "refresh_token"]}}


def with_password() -> Any:
    return residing(**PASSWORD)


def test_the_password_grant_is_there_where_it_is_turned_on() -> None:
    async def check() -> None:
        async with with_password() as server:
            answer = await server.token(
                grant_type="password", username="ann", password="swordfish", scope="orders.read"
            )
            claims = await server.introspect(answer.json["access_token"])
            assert ("ann", "orders.read") == (claims["sub"], claims["scope"])
            assert "refresh_token" in answer.json

    asyncio.run(check())


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", "swordfish"), ("ann", "x" * 5000)])
def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(name: str, password: str) -> None:
    async def check() -> None:
        async with with_password() as server:
            answer = await server.token(grant_type="password", username=name, password=password)
            assert (400, "invalid_grant", "the user is unknown or the password is wrong") == (
                answer.status, answer.json["error"], answer.json["error_description"]
            )  # fmt: skip

    asyncio.run(check())


def test_who_fails_ten_times_has_to_wait_and_others_have_not() -> None:
    async def check() -> None:
        async with with_password() as server:
            for _ in range(10):
                assert 400 == (await server.token(grant_type="password", username="ann", password="wrong")).status
            held = await server.token(grant_type="password", username="ann", password="swordfish")
            assert (429, "301") == (held.status, held.headers["Retry-After"])
            body = b"grant_type=password&username=ann&password=swordfish"
            body += b"&client_id=shop&client_secret=the+secret+of+the+shop"
            fields = {"Content-Type": "application/x-www-form-urlencoded"}
            assert 200 == (await server.ask("POST /token", fields, body, client="198.51.100.1")).status
            server.context.clock.advance(301)
            assert 200 == (await server.token(grant_type="password", username="ann", password="swordfish")).status

    asyncio.run(check())


def test_a_hash_holds_its_password_and_no_other() -> None:
    kept = hash_password("correct horse")
    passwords = Passwords()

    async def check() -> None:
        given = [
            ("correct horse", kept),
            ("wrong", kept),
            ("correct horse", None),
            ("x", "no hash"),
            ("x", "$argon2id$"),
        ]
        assert [True, False, False, False, False] == [await passwords.verify(*each) for each in given]

    asyncio.run(check())
    assert kept != hash_password("correct horse")


def test_a_user_who_is_unknown_takes_as_long() -> None:
    async def seconds(kept: str | None) -> float:
        started = time.process_time()
        assert not await Passwords().verify("wrong", kept)
        return time.process_time() - started

    known = asyncio.run(seconds(hash_password("correct horse")))
    assert known / 2 < asyncio.run(seconds(None)) < known * 2


def test_the_queue_for_hashes_is_bounded() -> None:
    async def check() -> None:
        passwords = Passwords()
        tries = [asyncio.create_task(passwords.verify("x", ANN)) for _ in range(100)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        refused = [each for each in results if isinstance(each, OAuthError)]
        assert (36, {503}) == (len(refused), {each.status for each in refused})
        assert not await passwords.verify("x", ANN)

    asyncio.run(check())


def test_what_is_remembered_of_failures_is_bounded() -> None:
    throttle = Throttle(FakeClock())
    for number in range(20_000):
        throttle.count("user", f"address {number}")
    assert 10_000 >= len(throttle._failures)


def test_one_user_fails_a_hundred_times_from_everywhere() -> None:
    throttle = Throttle(FakeClock())
    for number in range(100):
        throttle.check("user", f"address {number}")
        throttle.count("user", f"address {number}")
    with pytest.raises(OAuthError, match="too many"):
        throttle.check("user", "another address")
    throttle.check("other user", "address 1")


def test_one_address_fails_a_hundred_times_at_all_users() -> None:
    throttle = Throttle(FakeClock())
    for number in range(100):
        throttle.check(f"user {number}", "192.0.2.1")
        throttle.count(f"user {number}", "192.0.2.1")
        throttle.succeeded("its own user", "192.0.2.1")
    with pytest.raises(OAuthError, match="too many"):
        throttle.check("user 100", "192.0.2.1")
    throttle.check("user 100", "192.0.2.2")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
    ],
)
def test_a_network_of_ipv6_is_one_address(first: str, second: str, same: bool) -> None:
    throttle = Throttle(FakeClock())
    for _ in range(10):
        throttle.count("user", first)
    if same:
        with pytest.raises(OAuthError, match="too many"):
            throttle.check("user", second)
    else:
        throttle.check("user", second)


def test_passwords_cannot_be_guessed_all_at_once() -> None:
    async def check() -> None:
        async with with_password() as server:
            tries = [server.token(grant_type="password", username="ann", password="wrong") for _ in range(50)]
            statuses = [answer.status for answer in await asyncio.gather(*tries)]
            assert 10 == statuses.count(400)
            assert 50 == statuses.count(400) + statuses.count(429)

    asyncio.run(check())
