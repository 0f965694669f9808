"""The supervisor's tables: what counts together, what is let go of, what is forgotten."""

from __future__ import annotations

import pytest
from apim_sdk import Limit
from apim_sdk.counting import ALGORITHMS
from apim_sdk.testing import FakeClock

from apim_core.counters.ledger import Counted, Ledger

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


def take(counted: Counted, key: str = "a", units: int = 1) -> int:
    assert counted.table is not None
    return counted.table.grant(key, units, units).units


def remaining(counted: Counted, key: str = "a") -> int:
    assert counted.table is not None
    return counted.table.standing(key).remaining


@algorithms
def test_the_same_name_and_window_is_the_same_counter(algorithm: str) -> None:
    ledger = Ledger(FakeClock(), 100)
    limit = Limit(5, 60.0, algorithm)
    take(ledger.declare("one", limit), units=3)

    assert 2 == remaining(ledger.declare("one", limit))
    assert 5 == remaining(ledger.declare("other", limit))
    assert 5 == remaining(ledger.declare("one", Limit(5, 30.0, algorithm)))


@algorithms
def test_counts_go_on_when_there_are_other_units(algorithm: str) -> None:
    ledger = Ledger(FakeClock(), 100)
    first = ledger.declare("one", Limit(10, 60.0, algorithm))
    take(first, units=4)

    more = ledger.declare("one", Limit(30, 60.0, algorithm))
    assert 26 == remaining(more) == remaining(first)

    fewer = ledger.declare("one", Limit(3, 60.0, algorithm))
    assert (0, 0) == (remaining(fewer), take(fewer))


def test_counters_in_which_all_keys_are_idle_leave_as_new_ones_come() -> None:
    clock = FakeClock()
    ledger = Ledger(clock, 100)
    for number in range(100):
        take(ledger.declare(f"{number}", Limit(5, 1.0)))
    clock.advance(10.0)

    for number in range(100, 160):
        take(ledger.declare(f"{number}", Limit(5, 1.0)))

    assert (60, 0) == (len(ledger), ledger.forgotten)


def test_a_counter_that_was_let_go_of_is_opened_again_for_whoever_still_has_it() -> None:
    clock = FakeClock()
    ledger = Ledger(clock, 100)
    kept = ledger.declare("kept", Limit(5, 1.0))
    clock.advance(10.0)
    ledger.declare("other", Limit(5, 1.0))
    assert kept.table is None

    again = ledger.again(kept)

    assert 1 == take(again)
    assert 4 == remaining(ledger.declare("kept", Limit(5, 1.0))) == remaining(ledger.again(kept))


def test_where_there_are_too_many_counters_the_oldest_is_forgotten_and_counted() -> None:
    ledger = Ledger(FakeClock(), 100, most=3)
    for name in "abcd":
        take(ledger.declare(name, Limit(5, 60.0)))

    assert (3, 1, 3) == (len(ledger), ledger.forgotten, ledger.keys)


def test_where_a_counter_has_too_many_keys_the_oldest_is_forgotten_and_counted() -> None:
    ledger = Ledger(FakeClock(), 3)
    counted = ledger.declare("one", Limit(5, 60.0))
    for key in "abcd":
        take(counted, key)

    assert (1, 3) == (ledger.forgotten, ledger.keys)
