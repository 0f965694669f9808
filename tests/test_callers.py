"""Callers: what was found of them is remembered, and holds no longer than it is true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apim_sdk import Application, Change, Principal, Reject
from apim_sdk.identity import KeyType
from support.access_store import entry

from apim_core.access.digests import digest_of_key, short
from apim_core.access.directory import Directory
from apim_core.access.stored import Stored
from apim_core.callers import Callers

APPLICATION = "access/application/shop"
KEY = f"access/key/{short(digest_of_key('client_id', 'shop-web'))}"
SUBSCRIPTION = "access/subscription/s"
ENTRIES: dict[str, dict[str, Any]] = {
    APPLICATION: {"name": "Shop"},
    KEY: {"application": "shop", "kind": "client_id", "value": "shop-web"},
    SUBSCRIPTION: {"application": "shop", "api": "items", "plan": "gold"},
}
SOON = 0.05


class Kit:
    """A plan's callers over a store whose entries come and go."""

    def __init__(self) -> None:
        self.stored = Stored()
        self.directory = Directory()
        plan = self.directory.plan("items", "1", "gold")
        self.directory.bind(self.stored)
        self.callers = Callers(self.directory, plan, requires_subscription=True)
        for key in ENTRIES:
            self.tell(key)

    def tell(self, key: str, **changed: Any) -> None:
        self.stored.apply(Change(key, entry(**{**ENTRIES[key], **changed})))

    def forget(self, key: str) -> None:
        self.stored.apply(Change(key, None))

    def code(self, principal: Principal) -> str:
        """Empty where it is let in."""
        try:
            self.callers.find(principal)
        except Reject as refusal:
            return refusal.kind.code
        return ""


WEB = Principal("anna", client_id="shop-web", key_manager="main")


@pytest.fixture
def kit() -> Kit:
    made = Kit()
    assert "" == made.code(WEB)
    return made


def test_a_caller_is_looked_up_once_for_all_principals_of_a_client(kit: Kit) -> None:
    again = Principal("bert", client_id="shop-web", key_manager="main")
    assert kit.callers.find(WEB) is kit.callers.find(again)


@pytest.mark.parametrize(
    ("key", "changed", "code"),
    [
        (APPLICATION, {"blocked": True}, "900907"),
        (SUBSCRIPTION, {"state": "blocked"}, "900907"),
        (SUBSCRIPTION, {"plan": "silver"}, "900908"),
        (SUBSCRIPTION, {"ends": "2020-01-01T00:00:00Z"}, "900909"),
        (KEY, {"expires": "2020-01-01T00:00:00Z"}, "900908"),
    ],
)
def test_a_change_counts_at_once(kit: Kit, key: str, changed: dict[str, Any], code: str) -> None:
    kit.tell(key, **changed)
    assert code == kit.code(WEB)
    kit.tell(key)
    assert "" == kit.code(WEB)


@pytest.mark.parametrize("key", ENTRIES)
def test_what_is_gone_lets_nobody_in(kit: Kit, key: str) -> None:
    kit.forget(key)
    assert "900908" == kit.code(WEB)


def test_what_a_store_no_longer_tells_lets_nobody_in(kit: Kit) -> None:
    kit.stored.begin()
    kit.tell(APPLICATION)
    kit.tell(KEY)
    assert "" == kit.code(WEB)
    kit.stored.complete()
    assert "900908" == kit.code(WEB)


@pytest.mark.parametrize("key", [KEY, SUBSCRIPTION])
def test_what_ends_by_a_date_is_not_remembered(kit: Kit, key: str) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    kit.tell(key, **{"expires" if key == KEY else "ends": later})
    assert kit.callers.find(WEB) is not kit.callers.find(WEB)


@pytest.mark.parametrize(
    "other",
    [
        Principal("anna", client_id="shop-app", key_manager="main"),
        Principal("anna", application=Application("Other", "shop-web")),
        Principal("anna"),
    ],
)
def test_a_caller_is_not_taken_for_another(kit: Kit, other: Principal) -> None:
    assert "900908" == kit.code(other)
    assert "" == kit.code(WEB)


def test_who_is_of_no_application_is_remembered_for_all_of_them(kit: Kit) -> None:
    open_to_all = Callers(kit.directory, kit.directory.plan("items", "1", "open"), requires_subscription=False)
    anna, bert = (open_to_all.find(Principal(name)) for name in ("anna", "bert"))

    assert anna is bert
    assert (None, None, None) == (anna.application, anna.subscription, anna.key_type)
    assert "sandbox" == open_to_all.find(Principal("anna", key_type="sandbox")).key_type


def test_one_client_id_is_anothers_at_another_key_manager(kit: Kit) -> None:
    kit.tell("access/application/shop", name="Shop")
    mine = f"access/key/{short(digest_of_key('client_id', 'shop-web', 'main'))}"
    kit.stored.apply(Change("access/application/second", entry(name="Second")))
    kit.stored.apply(Change(mine, entry(application="second", kind="client_id", value="shop-web", key_manager="main")))
    elsewhere = Principal("anna", client_id="shop-web", key_manager="else")

    assert ["", "900908", ""] == [kit.code(each) for each in (elsewhere, WEB, elsewhere)]


@pytest.mark.parametrize("key_type", ["production", "sandbox"])
def test_the_type_of_key_is_the_principals_own_where_it_says_so(kit: Kit, key_type: KeyType) -> None:
    said = Principal("anna", client_id="shop-web", key_manager="main", key_type=key_type)
    assert [key_type, "production"] == [kit.callers.find(each).key_type for each in (said, WEB)]
