"""What a store tells is taken in entry by entry, and what is no entry does not count."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from apim_sdk import Change
from hypothesis import given
from hypothesis import strategies as st
from support.access_store import entry

from apim_core.access.digests import digest_of_key, short
from apim_core.access.entries import RevocationEntry, packed
from apim_core.access.stored import Stored

DIGEST = digest_of_key("api-key", "k")
KEY = f"access/key/{short(DIGEST)}"
REVOKED = {"kind": "token_id", "value": "1", "moment": "2026-01-01T00:00:00Z", "expires": "2100-01-01T00:00:00Z"}
REVOCATION = f"access/revocation/{short(digest_of_key('token_id', '1'))}"

GOOD: dict[str, dict[str, Any]] = {
    "access/application/shop": {"name": "Shop", "owner": "anna", "attributes": {"tier": "1"}},
    KEY: {"application": "shop", "kind": "api-key", "hash": DIGEST, "type": "sandbox", "addresses": ["10.0.0.0/8"]},
    "access/subscription/s": {"application": "shop", "api": "items", "plan": "gold", "ends": "2100-01-01T00:00:00Z"},
    REVOCATION: REVOKED,
}


class Kit:
    def __init__(self) -> None:
        self.refused: list[tuple[str, str]] = []
        self.stored = Stored(lambda key, reason: self.refused.append((key, reason)))

    def tell(self, key: str, value: bytes | None) -> None:
        self.stored.apply(Change(key, value))

    def tell_all(self, *left_out: str) -> None:
        for key, members in GOOD.items():
            if key not in left_out:
                self.tell(key, entry(**members))

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        stored = self.stored
        return len(stored.applications), len(stored.keys), len(stored.subscriptions), len(stored.revocations)


@pytest.fixture
def kit() -> Kit:
    return Kit()


def test_each_kind_is_taken_in(kit: Kit) -> None:
    kit.tell_all()
    assert ((1, 1, 1, 1), []) == (kit.sizes, kit.refused)
    shop = kit.stored.applications.get("shop")
    assert shop is not None
    assert ("Shop", "anna", {"tier": "1"}) == (shop.name, shop.owner, shop.attributes)
    key = kit.stored.keys.hashed("api-key", DIGEST, kit.stored.applications.get)
    assert key is not None
    assert (shop, "sandbox", short(DIGEST)) == (key.application, key.key_type, key.id)
    assert ["10.0.0.0/8"] == [str(each) for each in key.addresses]
    assert kit.stored.revocations.revoked(token_id="1")


@pytest.mark.parametrize("key", GOOD)
def test_what_is_gone_is_forgotten(kit: Kit, key: str) -> None:
    kit.tell_all()
    kit.tell(key, None)
    assert 3 == sum(kit.sizes)


def test_a_key_is_nobodys_without_its_application_and_its_again_with_it(kit: Kit) -> None:
    kit.tell_all("access/application/shop")
    assert kit.stored.keys.hashed("api-key", DIGEST, kit.stored.applications.get) is None
    for name in ("Shop", "New"):
        kit.tell("access/application/shop", entry(name=name))
        found = kit.stored.keys.hashed("api-key", DIGEST, kit.stored.applications.get)
        assert name == (found and found.application.name)


def changed(key: str, **members: Any) -> tuple[str, bytes]:
    return key, entry(**{**GOOD[key], **members})


BAD = {
    "no JSON": ("access/application/shop", b"{"),
    "no object": ("access/application/shop", b"[]"),
    "no UTF-8": ("access/application/shop", b"\xff\xfe{\x00}\x00"),
    "deep": ("access/application/shop", b"[" * 60_000),
    "large": ("access/application/shop", entry(name="Shop", attributes={"a": "x" * 70_000})),
    "a member too many": changed("access/application/shop", admin=True),
    "a member too few": ("access/application/shop", entry(owner="anna")),
    "another kind of value": changed("access/application/shop", blocked="false"),
    "a long name": changed("access/application/shop", name="x" * 300),
    "two lines": changed("access/application/shop", name="a\nb"),
    "many attributes": changed("access/application/shop", attributes={str(n): "x" for n in range(51)}),
    "the hash of another key": changed(KEY, hash=digest_of_key("api-key", "other")),
    "no hash": changed(KEY, hash=None),
    "a secret": changed(KEY, value="k"),
    "half a hash": changed(KEY, hash=DIGEST[:32]),
    "a date without zone": changed(KEY, expires="2027-01-01T00:00:00"),
    "no network": changed(KEY, addresses=["10.0.0.0/33"]),
    "a path as id": changed("access/subscription/s", application="../shop"),
    "no state": changed("access/subscription/s", state="open"),
    "no key type": changed("access/subscription/s", key_type="test"),
    "a number for a date": changed("access/subscription/s", ends=2_000_000_000),
}


@pytest.mark.parametrize(("key", "value"), BAD.values(), ids=BAD)
def test_an_entry_that_is_no_good_counts_as_absent(kit: Kit, key: str, value: bytes) -> None:
    kit.tell_all()
    kit.tell(key, value)
    assert 3 == sum(kit.sizes)
    assert [key] == [each for each, _ in kit.refused]
    kit.tell(key, entry(**GOOD[key]))
    assert (1, 1, 1, 1) == kit.sizes


@pytest.mark.parametrize("value", [b"{", entry(**{**REVOKED, "value": "2"}), entry(**{**REVOKED, "moment": "now"})])
def test_a_revocation_stays_where_its_entry_is_no_good_any_more(kit: Kit, value: bytes) -> None:
    kit.tell_all()
    kit.tell(REVOCATION, value)
    assert kit.stored.revocations.revoked(token_id="1")
    assert [REVOCATION] == [each for each, _ in kit.refused]


@pytest.mark.parametrize("key", ["access/role/1", "access/", "access/application", "access", "other/x"])
def test_what_is_of_no_kind_does_not_count(kit: Kit, key: str) -> None:
    kit.tell(key, entry(name="Shop"))
    assert ((0, 0, 0, 0), [(key, "no such kind of entry")]) == (kit.sizes, kit.refused)


def test_why_an_entry_does_not_count_does_not_show_what_is_in_it(kit: Kit) -> None:
    kit.tell(*changed(KEY, value="MARKED-secret"))
    assert "MARKED" not in str(kit.refused)


def test_more_revocations_than_fit_are_refused_and_the_others_stay() -> None:
    refused: list[str] = []
    stored = Stored(lambda key, reason: refused.append(reason), most_revocations=1)
    for value in "12":
        id_ = short(digest_of_key("token_id", value))
        stored.apply(Change(f"access/revocation/{id_}", entry(**{**REVOKED, "value": value})))
    assert ["1 revocations are held, and no more are (access.revocations)"] == refused
    assert stored.revocations.revoked(token_id="1")


# All anew


@pytest.mark.parametrize("key", GOOD)
def test_what_is_not_told_again_is_gone_once_all_has_been_told(kit: Kit, key: str) -> None:
    kit.tell_all()
    kit.stored.begin()
    kit.tell_all(key)
    assert (1, 1, 1, 1) == kit.sizes
    kit.stored.complete()
    assert 3 == sum(kit.sizes)


def test_where_telling_all_anew_is_cut_short_nothing_is_gone(kit: Kit) -> None:
    kit.tell_all()
    kit.stored.begin()
    kit.stored.begin()
    kit.tell_all()
    kit.stored.complete()
    assert (1, 1, 1, 1) == kit.sizes


# Anything


@given(st.sampled_from(sorted(GOOD)), st.binary(max_size=200))
def test_no_bytes_do_more_than_not_count(key: str, value: bytes) -> None:
    kit = Kit()
    kit.tell(key, value)
    assert 1 == sum(kit.sizes) + len(kit.refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_no_value_of_a_member_does_more_than_not_count(key: str, data: Any) -> None:
    kit = Kit()
    name = data.draw(st.sampled_from(sorted(GOOD[key])))
    kit.tell(key, json.dumps({**GOOD[key], name: data.draw(JSON)}).encode())
    assert 1 == sum(kit.sizes) + len(kit.refused)


def test_what_is_packed_is_as_the_entry_says() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    made = RevocationEntry("token_id", "1", moment=when, expires=datetime(2100, 1, 1, tzinfo=UTC))
    assert REVOKED == json.loads(packed(made))


@pytest.mark.parametrize(
    ("kind", "value", "owner", "expected"),
    [
        ("token_id", "1", None, "token_id\0001"),
        ("client_id", "web", "https://idp.example", "client_id\0https://idp.example\0web"),
        ("api-key", "k", None, "api-key\0k"),
    ],
)
def test_ids_are_as_those_compute_them_who_write_entries_by_themselves(
    kind: str, value: str, owner: str | None, expected: str
) -> None:
    assert hashlib.sha256(expected.encode()).hexdigest()[:32] == short(digest_of_key(kind, value, owner))
