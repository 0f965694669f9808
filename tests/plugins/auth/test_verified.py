"""Verified tokens are remembered within bounds."""

from __future__ import annotations

from apim_auth.verified import VerifiedTokens
from apim_sdk import Principal
from apim_sdk.testing import FakeClock
from hypothesis import given
from hypothesis import strategies as st

ANNA = Principal("anna")


def remembered(most: int = 100, most_bytes: int = 10_000, clock: FakeClock | None = None) -> VerifiedTokens:
    return VerifiedTokens(most, most_bytes, (clock or FakeClock()).now)


def test_a_token_is_remembered_until_then() -> None:
    clock = FakeClock(epoch=100.0)
    tokens = remembered(clock=clock)
    tokens.put("t", ANNA, 110.0, 1)

    assert ANNA is tokens.get("t", 1)
    clock.advance(10.0)
    assert tokens.get("t", 1) is None
    assert 0 == len(tokens)


def test_all_are_forgotten_when_the_keys_change() -> None:
    tokens = remembered()
    for token in "abc":
        tokens.put(token, ANNA, 1e12, 1)

    assert tokens.get("a", 2) is None
    assert tokens.get("b", 1) is None


def test_the_oldest_leave_when_there_are_too_many() -> None:
    tokens = remembered(most=2)
    for token in "abc":
        tokens.put(token, ANNA, 1e12, 1)

    assert [None, ANNA, ANNA] == [tokens.get(token, 1) for token in "abc"]


def test_the_oldest_leave_when_they_take_too_much_memory() -> None:
    tokens = remembered(most_bytes=100)
    for letter in "abc":
        tokens.put(letter * 10, ANNA, 1e12, 1)

    assert [None, ANNA, ANNA] == [tokens.get(letter * 10, 1) for letter in "abc"]


def test_a_token_that_takes_more_than_there_is_leaves_the_others_alone() -> None:
    tokens = remembered(most_bytes=100)
    tokens.put("a", ANNA, 1e12, 1)
    tokens.put("x" * 26, ANNA, 1e12, 1)

    assert [ANNA, None] == [tokens.get("a", 1), tokens.get("x" * 26, 1)]


def test_nothing_is_remembered_where_there_is_room_for_none() -> None:
    tokens = remembered(most=0)
    tokens.put("a", ANNA, 1e12, 1)

    assert tokens.get("a", 1) is None


@given(
    st.lists(
        st.tuples(st.text("ab", min_size=1, max_size=8), st.sampled_from([5.0, 1e12]), st.integers(1, 2)), max_size=50
    )
)
def test_the_bounds_hold_whatever_comes(puts: list[tuple[str, float, int]]) -> None:
    clock = FakeClock(epoch=0.0)
    tokens = remembered(most=5, most_bytes=80, clock=clock)
    kept: list[str] = []
    for token, until, generation in puts:
        tokens.put(token, ANNA, until, generation)
        tokens.get(token, generation)
        clock.advance(1.0)
        kept = [text for text in {text for text, _, _ in puts} if tokens.get(text, generation) is not None]
        assert 5 >= len(tokens)
        assert 80 >= sum(4 * len(text) for text in kept)
