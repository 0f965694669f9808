"""Verified tokens are remembered within bounds."""

from __future__ import annotations

import pytest
from apim_auth.verified import Verified, VerifiedTokens
from apim_sdk import Principal
from apim_sdk.testing import FakeClock, FakeKeyManager, FakeRevocations
from hypothesis import given
from hypothesis import strategies as st

ANNA = Principal("anna", client_id="shop-web")


def remembered(
    most: int = 100,
    most_bytes: int = 1_000_000,
    clock: FakeClock | None = None,
    revocations: FakeRevocations | None = None,
) -> VerifiedTokens:
    return VerifiedTokens(most, most_bytes, (clock or FakeClock()).now, revocations or FakeRevocations())


def good(
    until: float = 1e12, manager: FakeKeyManager | None = None, usable_until: float | None = None, **facts: str
) -> Verified:
    manager = manager or FakeKeyManager()
    return Verified(ANNA, manager, manager.generation, until, usable_until or until, **facts)


def test_a_token_is_remembered_until_then() -> None:
    clock = FakeClock(epoch=100.0)
    tokens = remembered(clock=clock)
    entry = good(110.0)
    tokens.put("t", entry)

    assert entry is tokens.get("t")
    clock.advance(10.0)
    assert tokens.get("t") is None
    assert 0 == len(tokens)


def test_the_quick_way_knows_bearer_tokens_that_take_no_closer_look() -> None:
    clock, revocations, manager = FakeClock(epoch=100.0), FakeRevocations(), FakeKeyManager()
    tokens = remembered(clock=clock, revocations=revocations)
    tokens.put("bearer", good(110.0, manager))
    tokens.put("bound", Verified(ANNA, manager, 1, 110.0, 110.0, confirmation={"jkt": "x"}))
    for token in ("bearer", "bound"):
        tokens.get(token)

    assert [ANNA, None, None] == [tokens.bearer(b"Bearer " + token) for token in (b"bearer", b"bound", b"other")]
    revocations.revoke("somebody else")
    assert tokens.bearer(b"Bearer bearer") is None
    tokens.get("bearer")
    assert ANNA is tokens.bearer(b"Bearer bearer")
    manager._generation += 1
    assert tokens.bearer(b"Bearer bearer") is None
    manager._generation -= 1
    clock.advance(10.0)
    assert tokens.bearer(b"Bearer bearer") is None


def test_the_quick_way_takes_no_token_for_another_with_the_same_end() -> None:
    tokens = remembered()
    end = "x" * 100
    tokens.put(f"a{end}", good())
    tokens.get(f"a{end}")

    assert ANNA is tokens.bearer(f"Bearer a{end}".encode())
    assert [None, None] == [tokens.bearer(f"Bearer {start}{end}".encode()) for start in ("b", "")]
    assert tokens.get(f"b{end}") is None


def test_of_two_tokens_with_the_same_end_the_newer_is_remembered() -> None:
    tokens = remembered()
    end = "x" * 100
    tokens.put(f"a{end}", good())
    tokens.put(f"b{end}", good())

    assert [False, True] == [tokens.get(f"{start}{end}") is not None for start in "ab"]
    assert 1 == len(tokens)


def test_a_token_is_forgotten_when_a_key_leaves_its_key_manager_and_others_are_not() -> None:
    rotating = FakeKeyManager()
    tokens = remembered()
    kept = good()
    tokens.put("a", good(manager=rotating))
    tokens.put("b", kept)

    rotating._generation += 1

    assert [None, kept] == [tokens.get(token) for token in "ab"]
    assert 1 == len(tokens)


@pytest.mark.parametrize("value", ["id-1", "t", "shop-web", "anna", "at the issuer"])
def test_a_token_that_was_revoked_is_forgotten(value: str) -> None:
    revocations = FakeRevocations()
    tokens = remembered(revocations=revocations)
    tokens.put("t", good(token_id="id-1", subject="at the issuer"))

    assert tokens.get("t") is not None
    revocations.revoke(value)
    assert tokens.get("t") is None
    assert 0 == len(tokens)


def test_a_revocation_of_others_has_a_token_looked_at_once_more_only() -> None:
    class Counting(FakeRevocations):
        asked = 0

        def revoked(self, **facts: object) -> bool:
            Counting.asked += 1
            return super().revoked(**facts)  # type: ignore[arg-type]  # passed on

    revocations = Counting()
    tokens = remembered(revocations=revocations)
    tokens.put("t", good())
    tokens.get("t")
    before = Counting.asked

    revocations.revoke("somebody else")
    for _ in range(3):
        assert tokens.get("t") is not None

    assert 1 == Counting.asked - before


def test_a_token_stays_usable_for_a_while_where_nobody_can_be_asked() -> None:
    clock = FakeClock(epoch=100.0)
    tokens = remembered(clock=clock)
    entry = good(110.0, usable_until=120.0)
    tokens.put("t", entry)

    clock.advance(19.0)
    assert [None, entry] == [tokens.get("t"), tokens.usable("t")]
    clock.advance(1.0)
    assert [None, None] == [tokens.get("t"), tokens.usable("t")]


def test_a_revoked_token_is_not_usable_even_where_nobody_can_be_asked() -> None:
    revocations = FakeRevocations()
    tokens = remembered(revocations=revocations)
    tokens.put("t", good(token_id="id-1"))

    revocations.revoke("id-1")

    assert tokens.usable("t") is None


def test_what_is_put_again_takes_the_place_of_what_was_there() -> None:
    tokens = remembered(most_bytes=2_000)
    newer = good()
    for entry in (good(), good(), newer):
        tokens.put("x" * 16, entry)

    assert newer is tokens.get("x" * 16)
    assert 1 == len(tokens)


def test_the_oldest_leave_when_there_are_too_many() -> None:
    tokens = remembered(most=2)
    for token in "abc":
        tokens.put(token, good())

    assert [False, True, True] == [tokens.get(token) is not None for token in "abc"]


def test_the_oldest_leave_when_they_take_too_much_memory() -> None:
    tokens = remembered(most_bytes=3_300)
    for letter in "abc":
        tokens.put(letter * 10, good())

    assert [False, True, True] == [tokens.get(letter * 10) is not None for letter in "abc"]


def test_a_token_that_takes_more_than_there_is_leaves_the_others_alone() -> None:
    tokens = remembered(most_bytes=2_000)
    tokens.put("a", good())
    tokens.put("x" * 134, good())

    assert [True, False] == [tokens.get("a") is not None, tokens.get("x" * 134) is not None]


def test_nothing_is_remembered_where_there_is_room_for_none() -> None:
    tokens = remembered(most=0)
    tokens.put("a", good())

    assert tokens.get("a") is None


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=8), st.sampled_from([5.0, 1e12])), max_size=50))
def test_the_bounds_hold_whatever_comes(puts: list[tuple[str, float]]) -> None:
    clock = FakeClock(epoch=0.0)
    tokens = remembered(most=5, most_bytes=6_420, clock=clock)
    for token, until in puts:
        tokens.put(token, good(until))
        tokens.get(token)
        clock.advance(1.0)
        kept = [text for text in {text for text, _ in puts} if tokens.get(text) is not None]
        assert 5 >= len(tokens)
        assert 6_420 >= sum(1600 + 3 * len(text) for text in kept)
