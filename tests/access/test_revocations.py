"""Revocations: what is revoked, for how long it is remembered, and how many fit."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from apim_core.access.digests import digest_of_token
from apim_core.access.revocations import Revocation, Revocations, TooMany


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def revocations(clock: Clock) -> Revocations:
    return Revocations(clock, most=3)


def revocation(kind: Any, value: str, issuer: str | None = None, **members: Any) -> Revocation:
    given = {"id": f"{kind} {value} {issuer}", "moment": 1_000.0, "expires": 2_000.0, **members}
    return Revocation(kind=kind, value=value, issuer=issuer, **given)


def test_nothing_is_revoked_to_begin_with(revocations: Revocations) -> None:
    assert not revocations.revoked(token_id="1", token="t", client_id="c", subject="s", issuer="i", issued_at=0)
    assert (0, 0) == (len(revocations), revocations.generation)


@pytest.mark.parametrize(
    ("kind", "value", "by"),
    [
        ("token_id", "1", {"token_id": "1"}),
        ("token", digest_of_token("e.y.J"), {"token": "e.y.J"}),
        ("client_id", "shop", {"client_id": "shop", "issued_at": 1_000.0}),
        ("subject", "anna", {"subject": "anna", "issued_at": 999.0}),
    ],
)
def test_a_token_is_revoked_by_what_is_known_of_it(revocations: Revocations, kind: Any, value: str, by: Any) -> None:
    revocations.put(revocation(kind, value))
    assert revocations.revoked(**by)
    assert not revocations.revoked(**{name: f"{text}x" if isinstance(text, str) else text for name, text in by.items()})


@pytest.mark.parametrize(("issued_at", "expected"), [(999.9, True), (1_000.0, True), (1_000.1, False), (None, True)])
@pytest.mark.parametrize("kind", ["client_id", "subject"])
def test_of_a_client_or_subject_what_was_issued_until_then_is_revoked(
    revocations: Revocations, kind: Any, issued_at: Any, expected: bool
) -> None:
    revocations.put(revocation(kind, "x"))
    assert expected == revocations.revoked(**{kind: "x"}, issued_at=issued_at)


@pytest.mark.parametrize("kind", ["token_id", "client_id", "subject"])
@pytest.mark.parametrize(
    ("revoked", "asked", "expected"),
    [("a", "a", True), ("a", "b", False), ("a", None, False), (None, "a", True), (None, None, True)],
)
def test_an_issuer_bounds_it_to_that_issuers_tokens(
    revocations: Revocations, kind: Any, revoked: Any, asked: Any, expected: bool
) -> None:
    revocations.put(revocation(kind, "x", revoked))
    assert expected == revocations.revoked(**{kind: "x"}, issuer=asked, issued_at=1.0)


def test_a_client_is_no_subject_and_a_token_id_no_token(revocations: Revocations) -> None:
    revocations.put(revocation("client_id", "x"))
    revocations.put(revocation("token_id", "x"))
    assert not revocations.revoked(token="x", subject="x", issued_at=1.0)


def test_the_generation_counts_up_with_each_new_one(revocations: Revocations) -> None:
    revocations.put(revocation("token_id", "1"))
    assert 1 == revocations.generation
    revocations.put(revocation("token_id", "1"))
    assert 1 == revocations.generation
    revocations.put(revocation("token_id", "1", moment=1_001.0))
    assert 2 == revocations.generation


@pytest.mark.parametrize("kind", ["token_id", "subject"])
def test_it_is_forgotten_when_it_is_over(revocations: Revocations, clock: Clock, kind: Any) -> None:
    revocations.put(revocation(kind, "x"))
    clock.now = 1_999.9
    assert revocations.revoked(**{kind: "x"})
    clock.now = 2_000.0
    assert not revocations.revoked(**{kind: "x"})
    assert () == revocations.all()
    assert 0 == len(revocations)


def test_what_is_over_already_is_not_taken_in(revocations: Revocations) -> None:
    revocations.put(revocation("token_id", "1", expires=1_000.0))
    assert (0, 0) == (len(revocations), revocations.generation)


def test_one_that_was_prolonged_is_not_forgotten_at_its_first_end(revocations: Revocations, clock: Clock) -> None:
    revocations.put(revocation("token_id", "1", expires=1_500.0))
    revocations.put(revocation("token_id", "1", expires=2_500.0))
    clock.now = 2_000.0
    assert 1 == len(revocations.all())
    assert revocations.revoked(token_id="1")


def test_what_does_not_fit_is_refused_and_counted_and_nothing_makes_room(revocations: Revocations) -> None:
    for number in range(3):
        revocations.put(revocation("token_id", str(number)))
    with pytest.raises(TooMany, match="3 revocations are held"):
        revocations.put(revocation("token_id", "3"))
    assert 1 == revocations.refused
    assert [True, True, True, False] == [revocations.revoked(token_id=str(number)) for number in range(4)]


def test_those_that_are_over_make_room(revocations: Revocations, clock: Clock) -> None:
    for number in range(3):
        revocations.put(revocation("token_id", str(number)))
    clock.now = 2_000.0
    revocations.put(revocation("token_id", "3", expires=3_000.0))
    assert 1 == len(revocations)


def test_one_that_is_removed_counts_no_longer(revocations: Revocations) -> None:
    revocations.put(revocation("token_id", "1"))
    revocations.remove("token_id 1 None")
    revocations.remove("token_id 1 None")
    assert not revocations.revoked(token_id="1")


def test_one_that_is_prolonged_again_and_again_takes_no_more_room(revocations: Revocations, clock: Clock) -> None:
    def prolong(times: int) -> None:
        for _ in range(times):
            clock.now += 1
            revocations.put(revocation("subject", "anna", expires=clock.now + 100_000))

    prolong(200)
    tracemalloc.start()
    try:
        prolong(20_000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert grown < 50_000
    assert revocations.revoked(subject="anna", issued_at=1_000.0)
    clock.now += 100_000
    assert () == revocations.all()
