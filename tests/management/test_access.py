"""Managing who may call: applications, keys, subscriptions and revocations, one JSON resource each."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apim_sdk.testing import FakeStore
from support.access_store import HeldStore, entry
from support.gateway import Answer, configuration, run
from support.managing import TEXT, Managed, managing

from apim_core.access.digests import digest_of_key, digest_of_token
from apim_core.access.revocations import Revocations


@pytest.fixture
def store() -> FakeStore:
    return HeldStore.new()


@pytest.fixture
def manage(tmp_path: Path, store: FakeStore) -> Callable[..., Any]:
    """Runs a scenario on a management port over an empty store."""

    def play(scenario: Callable[[Managed], Awaitable[Any]], **options: Any) -> Any:
        async def whole() -> Any:
            async with managing(tmp_path, **options) as managed:
                return await scenario(managed)

        return run(whole)

    return play


def kept(store: FakeStore, kind: str) -> dict[str, Any]:
    """What the store holds of a kind."""
    prefix = f"access/{kind}/"
    return {
        key.removeprefix(prefix): json.loads(value)
        for key, (value, _) in store._values.items()
        if key.startswith(prefix)
    }


def problems(answer: Answer) -> list[tuple[str, str]]:
    assert 400 == answer.status
    return [(each["member"], each["message"]) for each in answer.json["problems"]]


async def shop(managed: Managed) -> str:
    """The id of a new application."""
    id_: str = (await managed.post("/applications", name="shop")).json["id"]
    return id_


async def gold(managed: Managed, **members: Any) -> str:
    """The id of a new subscription of a new application."""
    body = {"application": await shop(managed), "api": "items", "plan": "gold", **members}
    id_: str = (await managed.post("/subscriptions", **body)).json["id"]
    return id_


# Applications


def test_an_application_is_added_with_an_id_of_its_own_and_found_by_it(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        made = await managed.post("/applications", name="shop", owner="anna", attributes={"tier": "1"})
        id_ = made.json["id"]
        expected = {
            "id": id_,
            "name": "shop",
            "owner": "anna",
            "tenant": None,
            "blocked": False,
            "attributes": {"tier": "1"},
            "source": "store",
        }
        assert (201, expected, f"/applications/{id_}") == (made.status, made.json, made.headers["Location"])
        shown = await managed.get(f"/applications/{id_}")
        assert (200, expected) == (shown.status, shown.json)
        assert {id_: {"name": "shop", "owner": "anna", "attributes": {"tier": "1"}}} == kept(store, "application")

    manage(scenario)


def test_an_application_is_changed_as_a_whole(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = (await managed.post("/applications", name="shop", owner="anna")).json["id"]
        answer = await managed.ask("PUT", f"/applications/{id_}", {"name": "new", "blocked": True})
        assert (200, None) == (answer.status, answer.json["owner"])
        assert {id_: {"name": "new", "blocked": True}} == kept(store, "application")

    manage(scenario)


def test_an_application_goes_with_its_keys_and_subscriptions(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        ids = [await shop(managed) for _ in range(2)]
        for id_ in ids:
            await managed.post(f"/applications/{id_}/keys")
            await managed.post("/subscriptions", application=id_, api="items", plan="gold")
        answer = await managed.ask("DELETE", f"/applications/{ids[0]}")
        assert 204 == answer.status
        assert {ids[1]} == set(kept(store, "application"))
        for kind in ("key", "subscription"):
            assert [ids[1]] == [each["application"] for each in kept(store, kind).values()]
        assert 404 == (await managed.ask("DELETE", f"/applications/{ids[0]}")).status

    manage(scenario)


def test_a_removal_that_was_cut_short_is_finished_by_the_next(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed)
        owner = kept(store, "subscription")[id_]["application"]
        await store.delete(f"access/application/{owner}")
        assert 204 == (await managed.ask("DELETE", f"/applications/{owner}")).status
        assert {} == kept(store, "subscription")

    manage(scenario)


def test_applications_are_listed_by_name_and_owner_with_those_of_the_configuration(manage: Any) -> None:
    async def scenario(managed: Managed) -> None:
        await managed.post("/applications", name="shop", owner="anna")
        await managed.post("/applications", name="shop", owner="bert")

        async def found(query: str) -> list[tuple[str, str, str]]:
            items = (await managed.get(f"/applications{query}")).json["items"]
            return sorted((each["name"], each["owner"] or "", each["source"]) for each in items)

        written = ("written", "", "configuration")
        assert [("shop", "anna", "store"), ("shop", "bert", "store"), written] == await found("")
        assert [("shop", "bert", "store")] == await found("?name=shop&owner=bert")
        assert [written] == await found("?name=written")

    manage(scenario)


def test_a_list_comes_in_pages(manage: Any) -> None:
    async def scenario(managed: Managed) -> None:
        ids = sorted([*[await shop(managed) for _ in range(30)], "written"])
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            page = (await managed.get(f"/applications?limit=4&after={after}")).json
            seen += [each["id"] for each in page["items"]]
            after = page["next"]
        assert ids == seen

    manage(scenario)


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=1001", "?limit=x", "?limit=²", "?state=active", "?limit=1" + "0" * 5000]
)
def test_a_query_that_says_nothing_here_is_refused(manage: Any, query: str) -> None:
    assert 400 == manage(lambda managed: managed.get(f"/applications{query}")).status


# Keys


def test_an_api_key_is_made_here_shown_once_and_kept_as_a_hash(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await shop(managed)
        body = {
            "type": "sandbox",
            "expires": "2100-01-01T00:00:00Z",
            "addresses": ["10.0.0.0/8"],
            "referers": ["a.b/*"],
        }
        made = await managed.post(f"/applications/{id_}/keys", **body)
        key = made.json["key"]
        assert (201, "api-key", "sandbox") == (made.status, made.json["kind"], made.json["type"])
        assert re.fullmatch(r"apim_[0-9a-f]{8}_[0-9a-f]{64}", key)
        assert made.json["prefix"] == key[:13]
        ((key_id, held),) = kept(store, "key").items()
        assert (made.json["id"], digest_of_key("api-key", key)) == (key_id, held["hash"])
        (shown,) = (await managed.get(f"/applications/{id_}/keys")).json["items"]
        assert {name: value for name, value in made.json.items() if name != "key"} == shown
        everything = [value for value, _ in store._values.values()]
        assert not any(key[14:].encode() in value for value in everything)
        assert key[14:] not in str(managed.log)
        assert held["hash"] not in json.dumps(shown)

    manage(scenario)


def test_two_keys_are_never_the_same(manage: Any) -> None:
    async def scenario(managed: Managed) -> int:
        id_ = await shop(managed)
        return len({(await managed.post(f"/applications/{id_}/keys")).json["key"] for _ in range(20)})

    assert 20 == manage(scenario)


def test_a_client_id_is_one_of_a_key_managers_and_of_one_application(manage: Any) -> None:
    async def scenario(managed: Managed) -> list[int]:
        ids = [await shop(managed), await shop(managed)]
        body = {"kind": "client_id", "value": "web"}
        answers = [
            await managed.post(f"/applications/{ids[0]}/keys", **body, key_manager="idp"),
            await managed.post(f"/applications/{ids[1]}/keys", **body, key_manager="idp"),
            await managed.post(f"/applications/{ids[1]}/keys", **body),
            await managed.post(f"/applications/{ids[1]}/keys", kind="client_id", value="written-web"),
        ]
        return [answer.status for answer in answers]

    assert [201, 409, 201, 409] == manage(scenario)


def test_a_certificate_is_known_by_its_hash(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> Answer:
        return await managed.post(f"/applications/{await shop(managed)}/keys", kind="certificate", value="AB" * 32)

    assert (201, "ab" * 32) == ((answer := manage(scenario)).status, answer.json["value"])


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"kind": "password"}, "/kind"),
        ({"value": "mine"}, "/value"),
        ({"kind": "client_id"}, ""),
        ({"kind": "client_id", "value": ""}, "/value"),
        ({"kind": "client_id", "value": "a", "key_manager": "other"}, "/key_manager"),
        ({"kind": "client_id", "value": "a", "addresses": ["10.0.0.0/8"]}, "/addresses"),
        ({"key_manager": "idp"}, "/key_manager"),
        ({"kind": "certificate", "value": "none"}, "/value"),
        ({"expires": "2027-01-01"}, "/expires"),
        ({"referers": ["https://a.b/"]}, "/referers"),
        ({"addresses": ["10.0.0.1/8"]}, "/addresses/0"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_the_member_that_is_wrong(
    manage: Any, store: FakeStore, body: Any, member: str
) -> None:
    async def scenario(managed: Managed) -> list[tuple[str, str]]:
        return problems(await managed.post(f"/applications/{await shop(managed)}/keys", **body))

    assert [member] == [each for each, _ in manage(scenario)]
    assert {} == kept(store, "key")


def test_a_key_is_removed_by_its_id_from_its_own_application_only(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> list[int]:
        ids = [await shop(managed), await shop(managed)]
        key = (await managed.post(f"/applications/{ids[0]}/keys")).json["id"]
        paths = [f"/applications/{id_}/keys/{key}" for id_ in (ids[1], *ids[:1] * 2)]
        return [(await managed.ask("DELETE", path)).status for path in paths]

    assert [404, 204, 404] == manage(scenario)
    assert {} == kept(store, "key")


def test_an_application_of_the_configuration_may_get_more_keys(manage: Any) -> None:
    async def scenario(managed: Managed) -> list[str]:
        assert 201 == (await managed.post("/applications/written/keys")).status
        items = (await managed.get("/applications/written/keys")).json["items"]
        return sorted(each["source"] for each in items)

    assert ["configuration", "configuration", "store"] == manage(scenario)


# Subscriptions


def test_a_subscription_is_added_and_found_by_what_it_says(manage: Any) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed, version="2", state="paused", starts="2026-01-01T00:00:00Z")
        (found,) = (await managed.get("/subscriptions?api=items&state=paused")).json["items"]
        assert (id_, "2", "2026-01-01T00:00:00Z") == (found["id"], found["version"], found["starts"])
        assert found == (await managed.get(f"/subscriptions/{id_}")).json
        written = (await managed.get("/subscriptions?application=written")).json["items"]
        assert [("written-gold", "configuration")] == [(each["id"], each["source"]) for each in written]

    manage(scenario)


@pytest.mark.parametrize(
    ("members", "member", "said"),
    [
        ({"api": "itemz"}, "/api", "no API is named 'itemz'"),
        ({"version": "3"}, "/version", "API 'items' has no version '3'"),
        ({"plan": "bronze"}, "/plan", "API 'items' has no plan named 'bronze'"),
        ({"plan": "silver", "version": "2"}, "/plan", "API 'items' has no plan named 'silver'"),
        ({"application": "nobody"}, "/application", "no application has the id 'nobody'"),
        ({"starts": "2026-01-02T00:00:00Z", "ends": "2026-01-01T00:00:00Z"}, "/ends", "it ends before it begins"),
        ({"state": "open"}, "/state", None),
    ],
)
def test_a_subscription_to_what_is_not_there_is_refused(
    manage: Any, store: FakeStore, members: Any, member: str, said: str | None
) -> None:
    async def scenario(managed: Managed) -> list[tuple[str, str]]:
        body = {"application": await shop(managed), "api": "items", "plan": "gold", **members}
        return problems(await managed.post("/subscriptions", **body))

    ((where, why),) = manage(scenario)
    assert (member, said or why) == (where, why)
    assert {} == kept(store, "subscription")


def test_there_is_one_of_a_kind_that_is_not_over(manage: Any) -> None:
    async def scenario(managed: Managed) -> list[int]:
        body = {"application": await shop(managed), "api": "items", "plan": "gold"}
        first = await managed.post("/subscriptions", **body)
        statuses = [first.status, (await managed.post("/subscriptions", **body)).status]
        statuses.append((await managed.post("/subscriptions", **{**body, "plan": "silver"})).status)
        statuses.append((await managed.post("/subscriptions", **body, key_type="sandbox")).status)
        await managed.ask("PATCH", f"/subscriptions/{first.json['id']}", {"state": "closed"})
        statuses.append((await managed.post("/subscriptions", **body)).status)
        statuses.append((await managed.post("/subscriptions", **body)).status)
        return statuses

    assert [201, 409, 201, 201, 201, 409] == manage(scenario)


LIMITED = TEXT.replace(
    "{name: gold, authentication: {api-key: {}}}, {name: silver",
    "{name: gold, authentication: {api-key: {}}, limits: [{requests: 9, per: 1m}, {requests: 99, per: 1h}]}, "
    "{name: silver",
)


def test_another_plan_holds_from_the_next_window_of_the_old_plans_longest_limit(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed)
        began = datetime.now(UTC)
        first = (await managed.ask("PATCH", f"/subscriptions/{id_}", {"plan": "silver"})).json
        hour = timedelta(hours=1)
        next_hours = [each.replace(minute=0, second=0, microsecond=0) + hour for each in (began, datetime.now(UTC))]
        assert ("gold", "silver") == (first["plan"], first["next_plan"])
        assert datetime.fromisoformat(first["changes"]) in next_hours

        back = (await managed.ask("PATCH", f"/subscriptions/{id_}", {"plan": "gold"})).json
        assert ("gold", None, None) == (back["plan"], back["next_plan"], back["changes"])

        at_once = (await managed.ask("PATCH", f"/subscriptions/{id_}", {"plan": "silver", "at_once": True})).json
        assert ("silver", None) == (at_once["plan"], at_once["next_plan"])

    manage(scenario, text=LIMITED)


def test_the_window_of_a_quota_is_that_of_the_calendar(manage: Any, store: FakeStore) -> None:
    quota = "[{requests: 9, per: 1m}, {quota: {requests: 99, per: 1 year, time_zone: Europe/Berlin}}]"

    async def scenario(managed: Managed) -> None:
        changed = (await managed.ask("PATCH", f"/subscriptions/{await gold(managed)}", {"plan": "silver"})).json
        end = datetime.fromisoformat(changed["changes"]).astimezone(ZoneInfo("Europe/Berlin"))
        assert ("01-01 00:00:00", "silver") == (f"{end:%m-%d %H:%M:%S}", changed["next_plan"])

    manage(scenario, text=LIMITED.replace("[{requests: 9, per: 1m}, {requests: 99, per: 1h}]", quota))


def test_a_change_that_has_come_is_what_the_next_change_begins_with(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed)
        await managed.ask("PATCH", f"/subscriptions/{id_}", {"plan": "silver"})
        key = f"access/subscription/{id_}"
        entry = json.loads(await store.get(key) or b"")
        await store.put(key, json.dumps({**entry, "changes": "2020-01-01T00:00:00Z"}).encode())

        changed = (await managed.ask("PATCH", f"/subscriptions/{id_}", {"state": "paused"})).json
        assert ("silver", None, "paused") == (changed["plan"], changed["next_plan"], changed["state"])

    manage(scenario, text=LIMITED)


def test_a_change_says_only_what_is_to_be_different_and_the_id_stays(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed, ends="2100-01-01T00:00:00Z")
        for change, expected in (
            ({"plan": "silver"}, ("active", "silver", "2100-01-01T00:00:00Z")),
            ({"state": "blocked", "ends": None}, ("blocked", "silver", None)),
            ({}, ("blocked", "silver", None)),
        ):
            answer = await managed.ask("PATCH", f"/subscriptions/{id_}", change)
            assert (200, id_) == (answer.status, answer.json["id"])
            assert expected == tuple(answer.json[name] for name in ("state", "plan", "ends"))
        assert [("blocked", "silver")] == [(e["state"], e["plan"]) for e in kept(store, "subscription").values()]

    manage(scenario)


@pytest.mark.parametrize(
    "change", [{"plan": "bronze"}, {"state": "open"}, {"api": "other"}, {"application": "other"}, {"starts": "now"}]
)
def test_a_change_that_cannot_be_changes_nothing(manage: Any, store: FakeStore, change: Any) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed)
        before = kept(store, "subscription")
        assert 400 == (await managed.ask("PATCH", f"/subscriptions/{id_}", change)).status
        assert before == kept(store, "subscription")

    manage(scenario)


@pytest.mark.parametrize("state", ["closed", "rejected"])
def test_one_that_is_over_stays_so(manage: Any, state: str) -> None:
    async def scenario(managed: Managed) -> Answer:
        id_ = await gold(managed, state=state)
        return await managed.ask("PATCH", f"/subscriptions/{id_}", {"state": "active"})

    answer = manage(scenario)
    assert (409, f"the subscription is {state} for good: make a new one") == (answer.status, answer.json["message"])


def test_a_subscription_is_removed(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> list[int]:
        id_ = await gold(managed)
        return [(await managed.ask("DELETE", f"/subscriptions/{id_}")).status for _ in range(2)]

    assert [204, 404] == manage(scenario)
    assert {} == kept(store, "subscription")


def test_a_change_beside_another_is_lost_by_neither(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> None:
        id_ = await gold(managed)
        replace, raced = store.replace, []

        async def meanwhile(key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
            if not raced:
                raced.append(key)
                await store.put(key, json.dumps({**json.loads(old), "state": "blocked"}).encode())
            return await replace(key, old, new, expires_in)

        store.replace = meanwhile  # type: ignore[method-assign]
        answer = await managed.ask("PATCH", f"/subscriptions/{id_}", {"plan": "silver"})
        assert ("blocked", "silver") == (answer.json["state"], answer.json["plan"])

    manage(scenario)


# What the configuration writes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/applications/written"),
        ("DELETE", "/applications/written"),
        ("PATCH", "/subscriptions/written-gold"),
        ("DELETE", "/subscriptions/written-gold"),
    ],
)
def test_what_the_configuration_writes_cannot_be_changed(manage: Any, method: str, path: str) -> None:
    body = {"PUT": {"name": "x"}, "PATCH": {"state": "blocked"}}.get(method)
    answer = manage(lambda managed: managed.ask(method, path, body))
    assert 409 == answer.status
    assert "is written in the configuration: change it there" in answer.json["message"]


def test_nor_can_a_key_that_it_writes(manage: Any) -> None:
    async def scenario(managed: Managed) -> int:
        key = (await managed.get("/applications/written/keys")).json["items"][0]["id"]
        return (await managed.ask("DELETE", f"/applications/written/keys/{key}")).status

    assert 409 == manage(scenario)


def test_a_reload_changes_what_is_written(manage: Any, tmp_path: Path) -> None:
    async def scenario(managed: Managed) -> list[int]:
        before = (await managed.get("/applications/written")).status
        managed.served.append(configuration(TEXT.replace("id: written\n", "id: renamed\n"), tmp_path))
        return [before, *[(await managed.get(f"/applications/{id_}")).status for id_ in ("written", "renamed")]]

    assert [200, 404, 200] == manage(scenario)


# Revocations


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        ({"token_id": "1"}, "token_id", "1"),
        ({"token": "e.y.J"}, "token", digest_of_token("e.y.J")),
        ({"client_id": "web", "issuer": "https://idp.example"}, "client_id", "web"),
        ({"subject": "anna"}, "subject", "anna"),
    ],
)
def test_a_revocation_is_kept_until_nothing_of_it_is_good(
    manage: Any, store: FakeStore, body: Any, kind: str, value: str
) -> None:
    async def scenario(managed: Managed) -> None:
        made = await managed.post("/revocations", **body)
        assert (201, kind, value) == (made.status, made.json["kind"], made.json["value"])
        assert [made.json] == (await managed.get("/revocations")).json["items"]
        ((key, (_, until)),) = store._values.items()
        assert f"access/revocation/{made.json['id']}" == key
        assert until is not None
        assert abs(until - time.time() - 86_400) < 10

    manage(scenario)
    assert "e.y.J" not in str(store._values)


def test_that_of_a_token_is_kept_until_the_token_expires(manage: Any, store: FakeStore) -> None:
    manage(lambda managed: managed.post("/revocations", token_id="1", expires="2100-01-01T00:00:00Z"))
    ((_, until),) = store._values.values()
    assert until is not None
    assert abs(until - 4_102_444_800) < 10


def test_what_is_revoked_again_is_so_for_the_later_moment(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> list[str]:
        early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3_600))
        first = (await managed.post("/revocations", subject="anna")).json
        second = (await managed.post("/revocations", subject="anna", moment=early)).json
        return [first["moment"], second["moment"]]

    first, second = manage(scenario)
    assert first == second
    assert 1 == len(kept(store, "revocation"))


def test_of_two_who_revoke_the_same_at_once_the_later_moment_counts(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> str:
        add, raced = store.add, []

        async def meanwhile(key: str, value: bytes, expires_in: float | None = None) -> bool:
            if not raced:
                raced.append(key)
                await store.put(key, json.dumps({**json.loads(value), "moment": "2099-01-01T00:00:00Z"}).encode())
            return await add(key, value, expires_in)

        store.add = meanwhile  # type: ignore[method-assign]
        moment: str = (await managed.post("/revocations", subject="anna")).json["moment"]
        return moment

    assert "2099-01-01T00:00:00Z" == manage(scenario)


def test_what_is_no_revocation_does_not_stand_in_the_way_of_one(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> int:
        id_ = (await managed.post("/revocations", subject="anna")).json["id"]
        await store.put(f"access/revocation/{id_}", b"{}")
        return (await managed.post("/revocations", subject="anna")).status

    assert 201 == manage(scenario)
    assert ["anna"] == [each["value"] for each in kept(store, "revocation").values()]


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, ""),
        ({"token_id": "1", "subject": "anna"}, ""),
        ({"subject": "anna", "moment": "2100-01-01T00:00:00Z"}, "/moment"),
        ({"subject": "anna", "moment": "2020-01-01T00:00:00Z"}, "/moment"),
        ({"subject": "anna", "expires": "2100-01-01T00:00:00Z"}, "/expires"),
        ({"token_id": "1", "expires": "2020-01-01T00:00:00Z"}, "/expires"),
        ({"token_id": ""}, "/token_id"),
        ({"token": 12345}, "/token"),
    ],
)
def test_a_revocation_that_says_nothing_is_refused(manage: Any, store: FakeStore, body: Any, member: str) -> None:
    assert [member] == [each for each, _ in problems(manage(lambda managed: managed.post("/revocations", **body)))]
    assert {} == kept(store, "revocation")


def test_there_are_as_many_as_the_configuration_allows(manage: Any) -> None:
    async def scenario(managed: Managed) -> list[int]:
        return [(await managed.post("/revocations", token_id=str(number % 6))).status for number in range(7)]

    assert [201, 201, 201, 201, 201, 409, 201] == manage(scenario)


def test_a_revocation_is_taken_back(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> list[int]:
        id_ = (await managed.post("/revocations", token_id="1")).json["id"]
        return [(await managed.ask("DELETE", f"/revocations/{id_}")).status for _ in range(2)]

    assert [204, 404] == manage(scenario)
    assert {} == kept(store, "revocation")


# Without a store

NO_STORE = TEXT.replace("store: main, ", "")


def test_without_a_store_revocations_are_those_of_the_process(manage: Any) -> None:
    revocations = Revocations(time.time)

    async def scenario(managed: Managed) -> None:
        made = await managed.post("/revocations", token_id="1")
        assert 201 == made.status
        assert revocations.revoked(token_id="1")
        assert [made.json] == (await managed.get("/revocations")).json["items"]
        early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3_600))
        again = await managed.post("/revocations", token_id="1", moment=early)
        assert made.json["moment"] == again.json["moment"]
        path = f"/revocations/{made.json['id']}"
        assert [204, 404] == [(await managed.ask("DELETE", path)).status for _ in range(2)]
        assert not revocations.revoked(token_id="1")

    manage(scenario, text=NO_STORE, revocations=revocations)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/applications"), ("POST", "/applications"), ("GET", "/subscriptions/1"), ("GET", "/revocations")],
)
def test_without_a_store_nothing_else_can_be_managed(manage: Any, method: str, path: str) -> None:
    answer = manage(
        lambda managed: managed.ask(method, path, {"name": "x"} if method == "POST" else None), text=NO_STORE
    )
    expected = "There is no store for access: name one under `access.store` in the configuration"
    assert (409, expected) == (answer.status, answer.json["message"])


def test_while_the_store_is_away_nothing_is_changed_and_that_is_said(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> list[int]:
        store.away = True
        statuses = [(await managed.post("/applications", name="shop")).status]
        store.away = False
        return [*statuses, (await managed.post("/applications", name="shop")).status]

    assert [503, 201] == manage(scenario)


def test_a_store_that_cannot_be_opened_is_as_one_that_is_away(manage: Any) -> None:
    text = TEXT.replace("held: {}", "held: {unfit: true}")
    assert 503 == manage(lambda managed: managed.get("/applications"), text=text).status


def test_an_entry_that_is_no_good_is_not_shown(manage: Any, store: FakeStore) -> None:
    async def scenario(managed: Managed) -> list[Any]:
        await store.put("access/application/bad", entry(nmae="x"))
        listed = (await managed.get("/applications")).json["items"]
        return [[each["id"] for each in listed], (await managed.get("/applications/bad")).status]

    assert [["written"], 404] == manage(scenario)


# Bodies


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it is no JSON in UTF-8"),
        (b"{", "it is no JSON in UTF-8"),
        (b"\xff{}", "it is no JSON in UTF-8"),
        (b"[]", "it must be a JSON object"),
        (b'{"name": "a", "name": "b"}', "a member is there twice"),
        (b'{"name": NaN}', "NaN is no JSON"),
        (b"[" * 60_000, "it is no JSON in UTF-8"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(manage: Any, store: FakeStore, body: bytes, said: str) -> None:
    answer = manage(lambda managed: managed.ask("POST", "/applications", data=body))
    assert (400, f"The body cannot be read: {said}") == (answer.status, answer.json["message"])
    assert {} == kept(store, "application")


def test_a_body_that_is_too_large_is_refused(manage: Any) -> None:
    answer = manage(lambda managed: managed.ask("POST", "/applications", {"name": "x" * 70_000}))
    assert (413, "The body may have at most 65536 bytes") == (answer.status, answer.json["message"])


def test_every_member_that_is_wrong_is_named(manage: Any) -> None:
    body = {"nmae": "x", "blocked": "yes", "attributes": {"a": 1}}
    found = manage(lambda managed: managed.ask("POST", "/applications", body))
    assert ["/nmae", "/blocked", "/attributes/a"] == [member for member, _ in problems(found)]
    assert "did you mean 'name'?" == found.json["problems"][0]["hint"]


@pytest.mark.parametrize("path", ["/applications/a%2Fb", "/subscriptions/..%2Fx", f"/revocations/{'x' * 65}"])
def test_what_can_be_no_id_has_nothing(manage: Any, path: str) -> None:
    assert 404 == manage(lambda managed: managed.ask("DELETE", path)).status


def test_what_was_changed_and_from_where_is_logged(manage: Any) -> None:
    async def scenario(managed: Managed) -> list[dict[str, Any]]:
        id_ = await shop(managed)
        assert id_
        return managed.log

    (line,) = manage(scenario)
    assert ("an application was added", "127.0.0.1") == (line["event"], line["by"])
