"""A table that is large is made of parts, which nobody notices."""

from __future__ import annotations

import pytest
from apim_sdk import Limit
from apim_sdk.counting import ALGORITHMS, Algorithm, Table, open_table
from apim_sdk.counting.shards import LARGEST, Shards
from apim_sdk.testing import FakeClock


def large(limit: Limit, clock: FakeClock | None = None, size: int = LARGEST + 1) -> tuple[Table, list[None]]:
    forgotten: list[None] = []
    return open_table(limit, clock or FakeClock(), size, lambda: forgotten.append(None)), forgotten


def test_only_a_large_table_is_made_of_parts() -> None:
    small = open_table(Limit(1, 1.0), FakeClock(), LARGEST)
    assert (False, True) == (isinstance(small, Shards), isinstance(large(Limit(1, 1.0))[0], Shards))


def test_each_key_counts_as_in_one_table() -> None:
    table, _ = large(Limit(2, 60.0, "fixed-window"))
    for key in map(str, range(50)):
        assert [0.0, 0.0, 60.0] == [table.take(key) for _ in range(3)]
        table.settle(key, -1)
        assert 1 == table.standing(key).remaining
        assert 1 == table.grant(key, 1, 5).units
    assert 50 == len(table)
    table.reset("7")
    assert 2 == table.standing("7").remaining


@pytest.mark.parametrize("size", [LARGEST + 1, 200_000])
def test_it_holds_no_more_keys_than_it_may_and_tells_of_those_that_it_forgets(size: int) -> None:
    table, forgotten = large(Limit(1, 60.0), size=size)
    for key in range(size + 5_000):
        table.take(key)
    assert len(table) <= size
    assert size + 5_000 == len(table) + len(forgotten)


def test_idle_keys_leave_it() -> None:
    clock = FakeClock()
    table, forgotten = large(Limit(1, 60.0), clock)
    for number in range(3):
        for key in range(100_000):
            table.take(100_000 * number + key)
        clock.advance(61)
    assert not forgotten
    assert len(table) <= LARGEST


def test_it_goes_on_under_another_limit_and_is_quiet_when_all_keys_are_idle() -> None:
    clock = FakeClock()
    table, _ = large(Limit(10, 60.0), clock)
    for key in range(50):
        table.take(key, 4)

    table.adopt(Limit(30, 60.0))

    assert {26} == {table.standing(key).remaining for key in range(50)}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_counts_by_another_limit_from_then_on(algorithm: Algorithm) -> None:
    table, _ = large(Limit(2, 60.0, algorithm))
    for key in map(str, range(50)):
        table.take(key, 2)
    table.adopt(Limit(3, 60.0, algorithm))

    assert 3 == table.limit.units
    assert {1} == {table.standing(str(key)).remaining for key in range(50)}


def test_it_is_quiet_when_all_of_its_keys_are() -> None:
    clock = FakeClock()
    table, _ = large(Limit(2, 60.0), clock)
    assert table.quiet()
    table.take("a")
    assert not table.quiet()
    clock.advance(61)
    assert table.quiet()
