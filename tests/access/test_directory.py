"""Applications of a configuration: found by what they present, known by ids that are the same on every node."""

from __future__ import annotations

import gc
import uuid

import pytest
from apim_sdk import Secret

from apim_core.access.directory import Directory
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
