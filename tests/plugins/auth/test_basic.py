"""Users come in by name and password; slow hashes are worked out once for each."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from inspect import isawaitable
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from apim_auth.basic import Basic
from apim_auth.basic_verification import TooBusy, Verifications
from apim_auth.users import User
from apim_sdk import Credential, Exchange, Principal, Reject, Secret
from apim_sdk.testing import FakeClock, FakeContext, build, make_exchange, started

PASSWORD = "Käse:\u00e9"  # a colon, and letters that can be written in two ways
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
SETTINGS: Mapping[str, Any] = {
    "users": {"anna": {"password": HASH, "roles": ["clerk", "guest"]}},
    "scopes_by_role": {"clerk": ["orders.read", "orders.write"], "admin": ["all"]},
}


def request(text: str | bytes) -> Exchange:
    raw = text.encode() if isinstance(text, str) else text
    return make_exchange(headers={"Authorization": f"Basic {b64encode(raw).decode()}"})


async def judged(plugin: Basic, exchange: Exchange) -> Principal:
    credential = plugin.find(exchange)
    assert credential is not None
    principal = plugin.judge(credential, exchange)
    return await principal if isawaitable(principal) else principal


def judge(exchange: Exchange, settings: Mapping[str, Any] = SETTINGS) -> Principal:
    async def once() -> Principal:
        async with started(build(Basic, settings), FakeContext()) as plugin:
            return await judged(plugin, exchange)

    return asyncio.run(once())


def test_the_user_is_the_principal_with_roles_and_the_scopes_that_these_bring() -> None:
    expected = Principal("anna", scopes=frozenset({"orders.read", "orders.write"}), roles=frozenset({"clerk", "guest"}))

    assert expected == judge(request(f"anna:{PASSWORD}"))


def test_no_subscription_is_asked_for() -> None:
    assert Basic.requires_subscription is False


def test_letters_count_and_not_how_they_are_composed() -> None:
    assert "anna" == judge(request("anna:Ka\u0308se:e\u0301")).subject


@pytest.mark.parametrize(
    "text",
    [
        "anna:wrong",
        "anna:",
        "anna",
        ":",
        f":{PASSWORD}",
        f"eve:{PASSWORD}",
        f"Anna:{PASSWORD}",
        f"anna:{PASSWORD}\n",
        f"anna\x00:{PASSWORD}",
        f"anna:{PASSWORD}".encode("latin-1"),
    ],
)
def test_whatever_else_is_presented_is_answered_in_one_way(text: str | bytes) -> None:
    with pytest.raises(Reject) as refusal:
        judge(request(text))

    assert (401, "900901", {"WWW-Authenticate": 'Basic realm="apim", charset="UTF-8"'}) == (
        refusal.value.status,
        refusal.value.kind.code,
        refusal.value.headers,
    )


@pytest.mark.parametrize("value", ["Basic !", "Basic YW5uYQ", "Basic YW5uYTp4, Basic YW5uYTp4", "basic \xe9"])
def test_what_is_no_base64_is_refused(value: str) -> None:
    with pytest.raises(Reject) as refusal:
        judge(make_exchange(headers={"Authorization": value}))

    assert 401 == refusal.value.status


def test_wrong_passwords_and_unknown_users_look_the_same_to_the_operator_too() -> None:
    details = set()
    for text in ("anna:wrong", "eve:wrong"):
        with pytest.raises(Reject) as refusal:
            judge(request(text))
        details.add(f"{refusal.value} {refusal.value.detail}")

    (said,) = details
    assert [] == [word for word in ("anna", "eve", "wrong") if word in said]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic"}, {"X": "Basic eDp5"}]
)
def test_without_a_basic_credential_there_is_none(headers: dict[str, str]) -> None:
    assert build(Basic, SETTINGS).find(make_exchange(headers=headers)) is None


def test_the_scheme_is_written_in_any_case() -> None:
    assert Credential("basic", Secret("eDp5")) == build(Basic, SETTINGS).find(
        make_exchange(headers={"Authorization": "bAsIc  eDp5"})
    )


def test_the_realm_is_the_operators() -> None:
    with pytest.raises(Reject) as refusal:
        judge(request("anna:x"), {**SETTINGS, "realm": "Orders"})

    assert 'Basic realm="Orders", charset="UTF-8"' == refusal.value.headers["WWW-Authenticate"]
    assert 'Basic realm="Orders", charset="UTF-8"' == build(Basic, {**SETTINGS, "realm": "Orders"}).challenge


def test_the_endpoint_does_not_see_the_password() -> None:
    kept, removed = request("anna:x"), request("anna:x")

    build(Basic, {**SETTINGS, "forward": True}).conceal(kept)
    build(Basic, SETTINGS).conceal(removed)

    assert "Authorization" in kept.request.headers
    assert "Authorization" not in removed.request.headers


def test_users_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "users").write_text(f"anna:{HASH}\n")
    (tmp_path / "groups").write_text("clerk: anna\n")
    settings = {"file": str(tmp_path / "users"), "groups": str(tmp_path / "groups")}

    assert Principal("anna", roles=frozenset({"clerk"})) == judge(request(f"anna:{PASSWORD}"), settings)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        judge(request("anna:x"), {"file": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "say where the users are"),
        ({"file": "a", "users": {}}, "say where the users are"),
        ({"users": {}, "groups": "g"}, "`groups` goes with `file`"),
        ({"users": {"anna": {"password": "plain"}}}, "plain text"),
        ({"users": {}, "realm": 'a"b'}, "cannot be a realm"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        build(Basic, settings)


# How often a password is checked


class Counted:
    """Users who are counted and may be made to wait."""

    def __init__(self) -> None:
        self.generation = 0
        self.checks = 0
        self.at_once = 0
        self.most_at_once = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: OSError | None = None

    async def check(self, name: str, password: str) -> User | None:
        self.checks += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await self.open.wait()
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return User(name) if password == "right" else None


def verifications(users: Counted, clock: FakeClock | None = None, **changes: Any) -> Verifications:
    settings = {"most": 3, "seconds": 300.0, "at_once": 2, "waiting": 2, **changes}
    return Verifications(users, now=(clock or FakeClock()).monotonic, **settings)


def admit(user: User) -> Principal:
    return Principal(user.name)


async def verified(made: Verifications, name: str, password: str = "right") -> Principal | None:
    digest = made.digest(f"{name}:{password}")
    return made.known(digest) or await made.verify(digest, name, password, admit)


def test_a_right_password_is_checked_once_until_its_time_is_over() -> None:
    async def scenario() -> list[int]:
        users, clock = Counted(), FakeClock()
        made, counts = verifications(users, clock), []
        for seconds in (0.0, 299.0, 1.0):
            clock.advance(seconds)
            assert Principal("anna") == await verified(made, "anna")
            counts.append(users.checks)
        return counts

    assert [1, 1, 2] == asyncio.run(scenario())


def test_who_was_right_is_recognised_and_nobody_else_is() -> None:
    right, wrong = request(f"anna:{PASSWORD}"), request("anna:wrong")

    async def scenario() -> list[bool]:
        plugin = build(Basic, SETTINGS)
        async with started(plugin, FakeContext()):
            assert plugin.recognise(right) is None
            principal = await judged(plugin, right)
            return [plugin.recognise(each) is principal for each in (right, wrong, make_exchange())]

    assert [True, False, False] == asyncio.run(scenario())


def test_a_wrong_password_is_checked_each_time() -> None:
    async def scenario() -> int:
        users = Counted()
        made = verifications(users)
        assert [None, None] == [await verified(made, "anna", "wrong") for _ in range(2)]
        return users.checks

    assert 2 == asyncio.run(scenario())


def test_all_are_forgotten_when_a_user_may_have_changed() -> None:
    async def scenario() -> int:
        users = Counted()
        made = verifications(users)
        await verified(made, "anna")
        users.generation += 1
        await verified(made, "anna")
        return users.checks

    assert 2 == asyncio.run(scenario())


def test_what_was_checked_before_a_change_is_not_remembered_after_it() -> None:
    async def scenario() -> int:
        users = Counted()
        made = verifications(users)
        users.open.clear()
        task = asyncio.create_task(verified(made, "anna"))
        while not users.checks:
            await asyncio.sleep(0)
        users.generation += 1
        users.open.set()
        await task
        return len(made)

    assert 0 == asyncio.run(scenario())


def test_who_presents_the_same_at_a_time_is_checked_once() -> None:
    async def scenario() -> int:
        users = Counted()
        made = verifications(users)
        assert [Principal("anna")] * 50 == await asyncio.gather(*(verified(made, "anna") for _ in range(50)))
        return users.checks

    assert 1 == asyncio.run(scenario())


def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    async def scenario() -> Principal | None:
        users = Counted()
        users.open.clear()
        made = verifications(users)
        first, second = (asyncio.create_task(verified(made, "anna")) for _ in range(2))
        while not users.checks:
            await asyncio.sleep(0)
        first.cancel()
        users.open.set()
        return await second

    assert Principal("anna") == asyncio.run(scenario())


def test_so_many_are_checked_at_once_so_many_wait_and_the_next_is_too_much() -> None:
    async def scenario() -> int:
        users = Counted()
        users.open.clear()
        made = verifications(users)
        tasks = [asyncio.create_task(verified(made, f"user-{number}")) for number in range(4)]
        while not users.checks:
            await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await verified(made, "one-more")
        users.open.set()
        await asyncio.gather(*tasks)
        assert Principal("one-more") == await verified(made, "one-more")
        return users.most_at_once

    assert 2 == asyncio.run(scenario())


def test_no_more_are_remembered_than_may() -> None:
    async def scenario() -> tuple[int, int]:
        users = Counted()
        made = verifications(users)
        for name in "abcd":
            await verified(made, name)
        remembered = len(made)
        await verified(made, "d")
        await verified(made, "a")
        return remembered, users.checks

    assert (3, 5) == asyncio.run(scenario())


def test_nothing_is_remembered_where_there_is_room_for_none() -> None:
    async def scenario() -> int:
        users = Counted()
        made = verifications(users, most=0)
        await verified(made, "a")
        await verified(made, "a")
        return users.checks

    assert 2 == asyncio.run(scenario())


def test_what_is_remembered_of_a_password_is_good_in_this_process_only() -> None:
    users = Counted()
    one, other = verifications(users), verifications(users)

    assert one.digest("anna:right") == one.digest("anna:right")
    assert one.digest("anna:right") != other.digest("anna:right")
    assert b"right" not in one.digest("anna:right")


def test_what_is_being_checked_ends_with_its_snapshot() -> None:
    async def scenario() -> None:
        users = Counted()
        users.open.clear()
        made = verifications(users)
        task = asyncio.create_task(verified(made, "anna"))
        while not users.checks:
            await asyncio.sleep(0)
        await made.aclose()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "status"), [(TooBusy(), 503), (ConnectionError("the directory is away"), 503), (TimeoutError(), 503)]
)
def test_what_cannot_be_told_now_is_no_wrong_password(error: Exception, status: int) -> None:
    class Failing:
        def digest(self, token: str) -> bytes:
            return b""

        def known(self, digest: bytes) -> None:
            return None

        async def verify(self, *arguments: Any) -> None:
            raise error

    async def scenario() -> None:
        plugin = build(Basic, SETTINGS)
        plugin.hold(_verifications=Failing())
        await judged(plugin, request("anna:x"))

    with pytest.raises(Reject) as refusal:
        asyncio.run(scenario())
    assert (status, "900900") == (refusal.value.status, refusal.value.kind.code)
