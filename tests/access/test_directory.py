"""Applications of a configuration: found by what they present, known by ids that are the same on every node."""

from __future__ import annotations

import gc
import re
import uuid
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Any

import pytest
from apim_sdk import Change, Secret
from support.access_store import entry

from apim_core.access.digests import digest_of_key, short
from apim_core.access.directory import Directory
from apim_core.access.stored import Stored
from apim_core.access.written import application_of, subscriptions_of
from apim_core.config import model as config


def written(name: str = "shop", *keys: tuple[str, str], owner: str | None = None) -> config.Application:
    subscriptions = (config.Subscription("orders", "gold"), config.Subscription("orders", "gold", "2"))
    made = tuple(config.ApplicationKey(kind, Secret(value)) for kind, value in keys)
    return config.Application(name, owner, made, subscriptions)


def directory(*applications: config.Application) -> Directory:
    return Directory(applications)


@pytest.mark.parametrize("kind", ["api-key", "client_id"])
def test_an_application_is_found_by_each_of_its_keys(kind: str) -> None:
    found = directory(written("shop", (kind, "a"), (kind, "b")), written("other", (kind, "c")))
    assert ["shop", "shop", "other"] == [(each := found.find(kind, key)) and each.application.name for key in "abc"]


@pytest.mark.parametrize(
    ("kind", "value"), [("api-key", "nobody's"), ("api-key", ""), ("client_id", "k"), ("basic", "k"), ("api-key", "K")]
)
def test_nobody_is_found_by_another_key_or_another_kind(kind: str, value: str) -> None:
    assert directory(written("shop", ("api-key", "k"))).find(kind, value) is None


def test_one_value_may_be_the_key_of_two_applications_if_they_are_of_two_kinds() -> None:
    found = directory(written("shop", ("api-key", "k")), written("other", ("client_id", "k")))
    assert ["shop", "other"] == [
        (each := found.find(kind, "k")) and each.application.name for kind in ("api-key", "client_id")
    ]


@pytest.mark.parametrize("value", ["\udc80", "é", "x" * 100_000])
def test_any_text_may_be_presented(value: str) -> None:
    assert directory(written("shop", ("api-key", "k"))).find("api-key", value) is None


def test_secret_keys_are_not_held_in_the_clear() -> None:
    secret = "the key of the shop"
    found = directory(written("shop", ("api-key", secret)))
    reachable: list[object] = [found]
    seen: set[int] = set()
    while reachable:
        each = reachable.pop()
        if id(each) not in seen and not isinstance(each, type):
            seen.add(id(each))
            assert secret != each
            reachable.extend(gc.get_referents(each))


def test_an_id_is_a_uuid_of_the_name_the_same_on_every_node() -> None:
    assert application_of(written("shop")).id == application_of(written("shop", ("api-key", "k"))).id
    assert 5 == uuid.UUID(application_of(written("shop")).id).version


def test_ids_of_applications_and_of_their_subscriptions_differ() -> None:
    made = [application_of(written(name)) for name in ("shop", "other")]
    ids = [each.id for each in made]
    ids += [each.id for name in ("shop", "other") for each in subscriptions_of(written(name))]
    assert 6 == len(set(ids))


def test_the_owner_is_known() -> None:
    assert ("anna", None) == (application_of(written(owner="anna")).owner, application_of(written()).owner)


# Keys of a key manager, and how long keys are good


def keyed(name: str, *keys: config.ApplicationKey, **members: Any) -> config.Application:
    return config.Application(name, keys=keys, **members)


def client(value: str, key_manager: str | None = None, **members: Any) -> config.ApplicationKey:
    return config.ApplicationKey("client_id", Secret(value), key_manager, **members)


@pytest.mark.parametrize(
    ("key_manager", "expected"), [("one", "first"), ("two", "second"), ("three", "any"), (None, "any")]
)
def test_a_client_id_is_found_for_its_key_manager_first_and_else_for_any(
    key_manager: str | None, expected: str
) -> None:
    applications = [
        keyed("first", client("web", "one")),
        keyed("second", client("web", "two")),
        keyed("any", client("web")),
    ]
    found = directory(*applications).find("client_id", "web", key_manager)
    assert expected == (found and found.application.name)


@pytest.mark.parametrize("key_manager", ["two", None])
def test_a_client_id_of_one_key_manager_is_not_found_for_another(key_manager: str | None) -> None:
    assert directory(keyed("first", client("web", "one"))).find("client_id", "web", key_manager) is None


def test_a_key_comes_with_all_that_is_written_of_it() -> None:
    key = config.ApplicationKey(
        "api-key",
        Secret("k"),
        type="sandbox",
        expires=datetime(2027, 1, 1, tzinfo=UTC),
        addresses=(IPv4Network("10.0.0.0/8"),),
        referers=("a.b/*",),
    )
    found = directory(keyed("shop", key)).find("api-key", "k")
    assert found is not None
    assert ("sandbox", 1_798_761_600.0) == (found.key_type, found.expires)
    assert ((IPv4Network("10.0.0.0/8"),), ("a.b/*",)) == (found.addresses, found.referers)


def test_a_certificate_is_found_by_its_hash() -> None:
    key = config.ApplicationKey("certificate", Secret("ab" * 32))
    found = directory(keyed("shop", key)).find("certificate", "ab" * 32)
    assert "shop" == (found and found.application.name)


@pytest.mark.parametrize("kind", ["api-key", "client_id", "certificate"])
def test_the_id_of_a_key_does_not_give_the_key_away(kind: str) -> None:
    found = directory(written("shop", (kind, "value of the key"))).find(kind, "value of the key")
    assert found is not None
    assert re.fullmatch("[0-9a-f]{32}", found.id)


def test_ids_that_are_written_are_taken() -> None:
    application = config.Application(
        "shop", id="shop-1", subscriptions=(config.Subscription("orders", "gold", id="s-1"),)
    )
    assert ("shop-1", ["s-1"]) == (application_of(application).id, [each.id for each in subscriptions_of(application)])


# Written and stored


def stored(*changes: tuple[str, dict[str, Any]]) -> Stored:
    made = Stored()
    for key, members in changes:
        made.apply(Change(key, entry(**members)))
    return made


def key_entry(value: str, application: str, kind: str = "api-key", **members: Any) -> tuple[str, dict[str, Any]]:
    digest = digest_of_key(kind, value, members.get("key_manager"))
    known = {"hash": digest} if kind == "api-key" else {"value": value}
    return f"access/key/{short(digest)}", {"application": application, "kind": kind, **known, **members}


def test_what_is_stored_is_found_behind_what_is_written() -> None:
    found = directory(written("shop", ("api-key", "k")))
    found.bind(stored(("access/application/2", {"name": "other"}), key_entry("l", "2"), key_entry("k", "2")))
    assert ["shop", "other", None] == [
        (each := found.find("api-key", value)) and each.application.name for value in ("k", "l", "m")
    ]


def test_a_stored_key_may_be_one_of_a_written_application() -> None:
    shop = application_of(written("shop"))
    found = directory(written("shop"))
    found.bind(stored((f"access/application/{shop.id}", {"name": "not the shop"}), key_entry("k", shop.id)))
    key = found.find("api-key", "k")
    assert shop == (key and key.application)


@pytest.mark.parametrize(("key_manager", "expected"), [("one", "first"), ("two", "any"), (None, "any")])
def test_a_stored_client_id_is_one_of_its_key_managers(key_manager: str | None, expected: str) -> None:
    found = directory()
    found.bind(
        stored(
            ("access/application/1", {"name": "first"}),
            ("access/application/2", {"name": "any"}),
            key_entry("web", "1", "client_id", key_manager="one"),
            key_entry("web", "2", "client_id"),
        )
    )
    key = found.find("client_id", "web", key_manager)
    assert expected == (key and key.application.name)


def test_two_snapshots_see_the_same_stored_key_each_with_its_own_application() -> None:
    shared = stored(key_entry("k", "1"))
    one, two = (directory(config.Application(name, id="1")) for name in ("before", "after"))
    for each in (one, two):
        each.bind(shared)
    names = [(key := each.find("api-key", "k")) and key.application.name for each in (one, two, one)]
    assert ["before", "after", "before"] == names


def test_a_stored_entry_with_a_written_id_is_told_of_whether_it_was_there_or_comes() -> None:
    refused: list[str] = []
    shared = Stored(lambda key, reason: refused.append(f"{key}: {reason}"))
    key, members = key_entry("k", "2")
    entries = [
        ("access/application/1", entry(name="other")),
        (key, entry(**members)),
        ("access/subscription/s", entry(application="2", api="a", plan="b")),
    ]
    shop = config.Application(
        "shop",
        id="1",
        keys=(config.ApplicationKey("api-key", Secret("k")),),
        subscriptions=(config.Subscription("a", "b", id="s"),),
    )
    for change in entries:
        shared.apply(Change(*change))
    assert [] == refused
    directory(shop).bind(shared)
    expected = sorted(f"{name}: the configuration writes what has this id" for name, _ in entries)
    assert expected == sorted(refused)
    refused.clear()
    for change in entries:
        shared.apply(Change(*change))
    assert expected == sorted(refused)


def test_what_is_written_no_more_gives_way_to_what_is_stored() -> None:
    shared = stored(("access/application/1", {"name": "other"}))
    first, second = directory(config.Application("shop", id="1")), directory()
    for each in (first, second):
        each.bind(shared)
    assert ["shop", "other"] == [(found := each.application("1")) and found.name for each in (first, second)]
