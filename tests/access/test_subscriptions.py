"""Subscriptions: which let in, why others do not, and what a change of one does to the look-up of all."""

from __future__ import annotations

from typing import Any

import pytest
from apim_sdk import Subscription, errors
from apim_sdk.errors import ErrorKind
from hypothesis import given
from hypothesis import strategies as st

from apim_core.access.subscriptions import PlanSubscriptions, StoredSubscription, StoredSubscriptions, entry_of

NOW = 1_000.0
BLOCKED = errors.SUBSCRIPTION_BLOCKED
INACTIVE = errors.SUBSCRIPTION_INACTIVE
NONE = errors.NOT_SUBSCRIBED


def subscription(id_: str = "s", **members: Any) -> Subscription:
    return Subscription(**{"api": "items", "plan": "gold", "id": id_, **members})


def stored(id_: str = "s", application: str = "shop", **members: Any) -> StoredSubscription:
    return StoredSubscription(**{"api": "items", "plan": "gold", "id": id_, "application": application, **members})


def plan(*written: Subscription, reserved: frozenset[str] = frozenset()) -> PlanSubscriptions:
    entries = {"shop": entry_of(written)} if written else {}
    return PlanSubscriptions(entries, reserved, lambda: NOW)


def answer(found: Subscription | ErrorKind) -> str | ErrorKind:
    return found if isinstance(found, ErrorKind) else found.id


# One subscription


def test_an_active_one_lets_in() -> None:
    assert "s" == answer(plan(subscription()).find("shop"))


def test_without_one_an_application_is_not_subscribed() -> None:
    assert [NONE, NONE] == [plan().find("shop"), plan(subscription()).find("other")]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", "s"),
        ("pending", INACTIVE),
        ("paused", INACTIVE),
        ("blocked", BLOCKED),
        ("rejected", NONE),
        ("closed", NONE),
    ],
)
@pytest.mark.parametrize("key_type", ["production", "sandbox"])
def test_the_state_decides(state: Any, expected: Any, key_type: Any) -> None:
    assert expected == answer(plan(subscription(state=state)).find("shop", key_type))


@pytest.mark.parametrize(("key_type", "expected"), [("production", BLOCKED), (None, BLOCKED), ("sandbox", "s")])
def test_one_blocked_for_production_lets_sandbox_keys_in(key_type: Any, expected: Any) -> None:
    assert expected == answer(plan(subscription(state="production-blocked")).find("shop", key_type))


@pytest.mark.parametrize(
    ("wanted", "key_type", "expected"),
    [
        ("production", "production", "s"),
        ("production", None, "s"),
        ("production", "sandbox", NONE),
        ("sandbox", "sandbox", "s"),
        ("sandbox", "production", NONE),
        ("sandbox", None, NONE),
    ],
)
def test_one_for_a_type_of_key_is_none_for_the_other(wanted: Any, key_type: Any, expected: Any) -> None:
    assert expected == answer(plan(subscription(key_type=wanted)).find("shop", key_type))


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        (NOW, None, "s"),
        (NOW + 0.1, None, INACTIVE),
        (None, NOW + 0.1, "s"),
        (None, NOW, INACTIVE),
        (NOW - 1, NOW + 1, "s"),
        (NOW - 2, NOW - 1, INACTIVE),
    ],
)
def test_it_holds_from_its_start_until_before_its_end(starts: Any, ends: Any, expected: Any) -> None:
    assert expected == answer(plan(subscription(starts=starts, ends=ends)).find("shop"))


def test_one_that_ends_does_so_by_itself() -> None:
    now = NOW
    made = PlanSubscriptions({"shop": entry_of([subscription(ends=NOW + 5)])}, frozenset(), lambda: now)
    assert "s" == answer(made.find("shop"))
    now = NOW + 5
    assert INACTIVE == made.find("shop")


# Several


def test_of_several_one_that_lets_in_is_enough() -> None:
    held = [subscription("a", state="blocked"), subscription("b", ends=NOW), subscription("c")]
    assert "c" == answer(plan(*held).find("shop"))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["closed", "paused"], INACTIVE),
        (["paused", "blocked"], BLOCKED),
        (["closed", "blocked"], BLOCKED),
        (["closed", "rejected"], NONE),
    ],
)
def test_of_several_that_do_not_the_plainest_refusal_is_told(states: list[Any], expected: ErrorKind) -> None:
    for order in (states, states[::-1]):
        held = [subscription(str(number), state=state) for number, state in enumerate(order)]
        assert expected == plan(*held).find("shop")


# Written and stored


def bound(made: PlanSubscriptions, *held: StoredSubscription) -> PlanSubscriptions:
    index = StoredSubscriptions()
    for each in held:
        index.put(each)
    made.bind(index.part("items", "1.0", "gold"), index.part("items", None, "gold"))
    return made


def test_what_is_stored_counts_where_nothing_is_written() -> None:
    assert "s" == answer(bound(plan(), stored()).find("shop"))


def test_one_of_a_version_counts_for_that_version_only() -> None:
    assert ["s", NONE] == [answer(bound(plan(), stored(version=version)).find("shop")) for version in ("1.0", "2.0")]


def test_what_is_written_stands_alone() -> None:
    assert BLOCKED == bound(plan(subscription(state="blocked")), stored("other")).find("shop")


@pytest.mark.parametrize("state", ["active", "production-blocked"])
def test_one_with_the_id_of_a_written_one_does_not_count(state: Any) -> None:
    assert NONE == bound(plan(reserved=frozenset("s")), stored(state=state)).find("shop", "sandbox")


def test_one_for_every_version_that_is_paused_does_not_hide_the_versions_own() -> None:
    held = [stored("a", state="paused"), stored("b", version="1.0")]
    assert "b" == answer(bound(plan(), *held).find("shop"))


# Changes


def test_a_plan_follows_changes_without_being_made_anew() -> None:
    index, made = StoredSubscriptions(), plan()
    made.bind(index.part("items", "1.0", "gold"), index.part("items", None, "gold"))
    seen = [answer(made.find("shop"))]
    for change in (
        lambda: index.put(stored()),
        lambda: index.put(stored(state="blocked")),
        lambda: index.put(stored(plan="silver")),
        lambda: index.put(stored()),
        lambda: index.remove("s"),
    ):
        change()
        seen.append(answer(made.find("shop")))
    assert [NONE, "s", BLOCKED, NONE, "s", NONE] == seen


@pytest.mark.parametrize(
    ("now", "expected"), [(NOW, ("s", INACTIVE)), (NOW + 4, ("s", INACTIVE)), (NOW + 5, (INACTIVE, "s"))]
)
def test_one_that_moves_to_another_plan_is_in_either_in_its_time(now: float, expected: Any) -> None:
    index = StoredSubscriptions()
    index.put(*stored().moving("silver", NOW + 5))
    plans = [PlanSubscriptions({}, frozenset(), lambda: now) for _ in range(2)]
    for made, name in zip(plans, ("gold", "silver"), strict=True):
        made.bind(index.part("items", "1.0", name), index.part("items", None, name))
    assert expected == tuple(answer(made.find("shop")) for made in plans)
    index.put(stored(plan="bronze"))
    assert [NONE, NONE] == [made.find("shop") for made in plans]
    index.remove("s")
    assert NONE == plans[0].find("shop")


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        (None, None, ((None, 5.0), (5.0, None))),
        (1.0, 9.0, ((1.0, 5.0), (5.0, 9.0))),
        (7.0, None, ((7.0, 5.0), (7.0, None))),
        (None, 3.0, ((None, 3.0), (5.0, 3.0))),
    ],
)
def test_one_that_moves_still_holds_only_in_its_own_time(starts: Any, ends: Any, expected: Any) -> None:
    moving = stored(starts=starts, ends=ends).moving("silver", 5.0)
    assert expected == tuple((each.starts, each.ends) for each in moving)


MEMBERS = st.fixed_dictionaries(
    {
        "id_": st.sampled_from("abcd"),
        "application": st.sampled_from(["shop", "other"]),
        "plan": st.sampled_from(["gold", "silver"]),
        "version": st.sampled_from([None, "1.0"]),
        "state": st.sampled_from(["active", "blocked", "closed"]),
    }
)


@given(st.lists(st.one_of(MEMBERS, st.sampled_from("abcd"))))
def test_after_any_changes_each_look_up_is_that_of_a_fresh_index(changes: list[Any]) -> None:
    index, known = StoredSubscriptions(), {}
    for change in changes:
        if isinstance(change, str):
            index.remove(change)
            known.pop(change, None)
        else:
            index.put(stored(**change))
            known[change["id_"]] = stored(**change)
    fresh = StoredSubscriptions()
    for each in known.values():
        fresh.put(each)

    def found(of: StoredSubscriptions, application: str, name: str) -> str | ErrorKind:
        made = plan()
        made.bind(of.part("items", "1.0", name), of.part("items", None, name))
        return answer(made.find(application))

    kinds = [(application, name) for application in ("shop", "other") for name in ("gold", "silver")]
    lets_in = {
        kind: {id_ for id_, s in known.items() if (s.application, s.plan) == kind and s.state == "active"}
        for kind in kinds
    }
    for kind in kinds:
        got = found(index, *kind)
        assert (got in lets_in[kind]) if lets_in[kind] else (got == found(fresh, *kind))
    assert (len(known), set(known)) == (len(index), set(index.ids()))
