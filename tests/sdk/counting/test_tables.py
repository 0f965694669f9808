"""What holds of every way to count: waits that are right, grants that add up, bounds, what is given back."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import attrs
import pytest
from apim_sdk.counting import ALGORITHMS, CALENDARS, NEVER, Limit, Table, open_table
from apim_sdk.counting.calendar import bounds
from apim_sdk.testing import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)
limits = st.builds(
    Limit,
    units=st.integers(1, 40),
    seconds=st.sampled_from([0.5, 1.0, 7.0, 60.0]),
    algorithm=st.sampled_from(ALGORITHMS),
    count_refused=st.booleans(),
)
calls = st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 6)), max_size=60)
"""A pause in milliseconds, and what the call after it costs."""


def run(table: Table, clock: FakeClock, sequence: list[tuple[int, int]]) -> list[tuple[Fraction, int]]:
    """When units were taken, and how many."""
    taken = []
    for pause, cost in sequence:
        clock.advance(pause / 1000)
        if table.take("a", cost) == 0.0:
            taken.append((Fraction(round(clock.uptime * 1000), 1000), cost))
    return taken


@algorithms
def test_exactly_as_many_units_pass_as_there_are(algorithm: str) -> None:
    table = open_table(Limit(5, 60.0, algorithm), FakeClock())

    assert [0.0] * 5 == [table.take("a") for _ in range(5)]
    assert 0.0 < table.take("a") <= 120.0
    assert 0.0 == table.take("b")


@algorithms
def test_a_call_that_costs_more_than_there_ever_is_never_passes(algorithm: str) -> None:
    table = open_table(Limit(5, 60.0, algorithm), FakeClock())

    assert NEVER == table.take("a", 6)
    assert 0.0 == table.take("a", 5)


@given(limit=limits, sequence=calls)
@settings(max_examples=300, deadline=None)
def test_a_refused_call_passes_after_its_wait_and_not_before(limit: Limit, sequence: list[tuple[int, int]]) -> None:
    clock = FakeClock()
    table = open_table(limit, clock)
    run(table, clock, sequence)
    cost = min(3, limit.most)
    while (wait := table.take("a", cost)) == 0.0:
        pass
    if limit.count_refused:  # asking once more would count
        clock.advance(wait + 0.002)
        assert 0.0 == table.take("a", cost)
        return

    if wait > 0.004:
        clock.advance(wait - 0.003)
        assert table.take("a", cost) > 0.0
        clock.advance(0.005)
    else:
        clock.advance(wait + 0.002)
    assert 0.0 == table.take("a", cost)


@given(limit=limits.filter(lambda limit: limit.algorithm in ("gcra", "sliding-log")), sequence=calls)
@settings(max_examples=300, deadline=None)
def test_no_window_holds_more_than_the_limit(limit: Limit, sequence: list[tuple[int, int]]) -> None:
    clock = FakeClock()
    taken = run(open_table(limit, clock), clock, sequence)

    for first, (start, _) in enumerate(taken):
        total = 0
        for moment, cost in taken[first:]:
            total += cost
            span = moment - start
            if limit.algorithm == "gcra":
                assert total <= limit.burst + span * limit.units / Fraction(limit.seconds)
            elif span < Fraction(limit.seconds) - Fraction(1, 1000):
                assert total <= limit.units


@given(units=st.integers(1, 40), seconds=st.sampled_from([0.5, 1.0, 7.0]), sequence=calls)
@settings(max_examples=200, deadline=None)
def test_a_sliding_window_holds_no_more_than_the_limit_by_the_clock(
    units: int, seconds: float, sequence: list[tuple[int, int]]
) -> None:
    clock = FakeClock()
    table = open_table(Limit(units, seconds, "sliding-window"), clock)
    windows: dict[int, int] = {}
    for pause, cost in sequence:
        clock.advance(pause / 1000)
        if table.take("a", cost) == 0.0:
            window = int(clock.now() // seconds)
            windows[window] = windows.get(window, 0) + cost

    assert all(total <= units for total in windows.values())


@given(units=st.integers(1, 40), seconds=st.sampled_from([0.5, 1.0, 7.0]), sequence=calls)
@settings(max_examples=200, deadline=None)
def test_a_fixed_window_begins_with_the_first_call_and_then_counts(
    units: int, seconds: float, sequence: list[tuple[int, int]]
) -> None:
    clock = FakeClock()
    table = open_table(Limit(units, seconds, "fixed-window"), clock)
    end, count = 0, 0
    for pause, cost in sequence:
        clock.advance(pause / 1000)
        now = int(clock.now() * 1000)
        if now >= end:
            end, count = now + round(seconds * 1000), 0
        passes = count + cost <= units
        assert passes == (table.take("a", cost) == 0.0)
        if passes:
            count += cost
        elif count == 0:  # nothing was counted, so no window has begun
            end = 0


@given(limit=limits, least=st.integers(1, 10), more=st.integers(0, 50), sequence=calls)
@settings(max_examples=300, deadline=None)
def test_a_grant_gives_what_single_calls_would_get(
    limit: Limit, least: int, more: int, sequence: list[tuple[int, int]]
) -> None:
    clock, twin_clock = FakeClock(), FakeClock()
    table, twin = open_table(limit, clock), open_table(limit, twin_clock)
    run(table, clock, sequence)
    run(twin, twin_clock, sequence)

    grant = table.grant("a", least, least + more)

    free = twin.standing("a").remaining
    assert (min(free, least + more) if free >= least else 0) == grant.units
    assert free - grant.units == grant.remaining
    assert (grant.wait == 0.0) == (grant.units > 0)


@algorithms
def test_what_is_given_back_can_be_taken_again(algorithm: str) -> None:
    table = open_table(Limit(5, 60.0, algorithm), FakeClock())
    table.take("a", 5)

    table.settle("a", -2)

    assert 2 == table.standing("a").remaining
    assert [True, True, False] == [table.take("a") == 0.0 for _ in range(3)]


@algorithms
def test_giving_back_more_than_was_taken_makes_no_more_than_there_ever_is(algorithm: str) -> None:
    table = open_table(Limit(5, 60.0, algorithm), FakeClock())
    table.take("a", 1)

    table.settle("a", -100)

    assert [True] * 5 + [False] == [table.take("a") == 0.0 for _ in range(6)]


@algorithms
def test_what_is_settled_afterwards_may_go_beyond_the_limit(algorithm: str) -> None:
    clock = FakeClock()
    table = open_table(Limit(5, 60.0, algorithm), clock)

    table.settle("a", 8)

    assert 0 == table.standing("a").remaining
    assert table.take("a") > 0.0


@algorithms
def test_a_key_that_was_reset_is_as_good_as_new(algorithm: str) -> None:
    table = open_table(Limit(5, 60.0, algorithm), FakeClock())
    table.take("a", 5)

    table.reset("a")
    table.reset("nobody")

    assert 5 == table.standing("a").remaining
    assert 0.0 == table.take("a", 5)


@algorithms
def test_what_was_taken_stays_taken_under_another_limit(algorithm: str) -> None:
    clock = FakeClock()
    table = open_table(Limit(10, 60.0, algorithm), clock)
    table.take("a", 4)
    clock.advance(0.001)

    table.adopt(Limit(20, 60.0, algorithm, count_refused=True))
    assert 16 == table.standing("a").remaining
    assert [0.0, 0.0] == [table.take("a", 16), table.take("b", 20)]

    table.adopt(Limit(2, 60.0, algorithm))
    assert (0, 2) == (table.standing("a").remaining, table.standing("c").remaining)
    assert table.take("a") > 30.0


@given(limit=limits, burst=st.integers(1, 40), sequence=calls, asked=st.lists(st.sampled_from("tgs"), min_size=1))
@settings(max_examples=300, deadline=None)
def test_a_limit_that_may_vary_and_does_not_answers_as_one_that_may_not(
    limit: Limit, burst: int, sequence: list[tuple[int, int]], asked: list[str]
) -> None:
    if limit.algorithm == "gcra":
        limit = attrs.evolve(limit, burst=burst)
    clock = FakeClock()
    fixed, varying = open_table(limit, clock), open_table(attrs.evolve(limit, varying=True), clock)
    for number, (pause, cost) in enumerate(sequence):
        clock.advance(pause / 1000)
        what = asked[number % len(asked)]
        if what == "t":
            assert fixed.take("a", cost) == varying.take("a", cost)
        elif what == "g":
            assert fixed.grant("a", 1, cost) == varying.grant("a", 1, cost)
        else:
            fixed.settle("a", 2 - cost)
            varying.settle("a", 2 - cost)
        assert fixed.standing("a") == varying.standing("a")


@algorithms
def test_where_limits_vary_each_call_is_judged_by_its_own(algorithm: str) -> None:
    clock = FakeClock()
    small, large = [Limit(units, 60.0, algorithm, varying=True) for units in (4, 10)]
    table = open_table(small, clock)
    assert [0.0] * 4 == [table.take("a") for _ in range(4)]
    assert table.take("a") > 0.0

    table.adopt(large)
    assert [0.0] * 6 == [table.take("a") for _ in range(6)]
    table.adopt(small)
    assert (0, 4) == (table.standing("a").remaining, table.standing("b").remaining)
    assert table.take("a") > 0.0


def test_a_key_is_not_forgotten_because_others_have_a_larger_limit() -> None:
    clock = FakeClock()
    small, large = [Limit(units, 60.0, burst=1, varying=True) for units in (1, 60_000)]
    table = open_table(small, clock)
    table.take("a")
    clock.advance(1.0)

    table.adopt(large)
    for number in range(500):
        table.take(f"b{number}")
    table.adopt(small)
    assert 59.0 == pytest.approx(table.take("a"))


def test_a_window_in_which_nothing_is_left_begins_anew_with_the_next_call() -> None:
    clock = FakeClock()
    table = open_table(Limit(5, 60.0, "fixed-window"), clock)
    table.take("a")
    table.settle("a", -1)
    clock.advance(50.0)

    assert 0.0 == table.take("a")
    assert 60.0 == table.standing("a").reset


@algorithms
def test_a_table_is_quiet_when_every_key_is_idle(algorithm: str) -> None:
    clock = FakeClock()
    table = open_table(Limit(10, 1.0, algorithm), clock)
    assert table.quiet()
    table.take("a")
    assert not table.quiet()
    clock.advance(10.0)
    assert table.quiet()


@algorithms
def test_a_refused_call_leaves_no_trace_unless_it_is_counted(algorithm: str) -> None:
    clock, other_clock = FakeClock(), FakeClock()
    lenient = open_table(Limit(3, 60.0, algorithm), clock)
    strict = open_table(Limit(3, 60.0, algorithm, count_refused=True), other_clock)
    for table in (lenient, strict):
        table.take("a", 3)

    before = lenient.standing("a")
    refused = [(lenient.take("a"), strict.take("a")) for _ in range(3)]

    assert before == lenient.standing("a")
    assert all(counted >= uncounted > 0 for uncounted, counted in refused)


@algorithms
def test_idle_keys_leave_as_new_ones_come(algorithm: str) -> None:
    clock = FakeClock()
    table = open_table(Limit(10, 1.0, algorithm), clock, 10_000)
    for number in range(1000):
        table.take(number)
    clock.advance(10.0)

    for number in range(1000, 1600):
        table.take(number)

    assert 600 == len(table)


@algorithms
def test_a_few_idle_keys_stay_and_are_as_good_as_new_ones(algorithm: str) -> None:
    clock = FakeClock()
    table = open_table(Limit(2, 1.0, algorithm), clock, 10_000)
    for number in range(50):
        table.take(number, 2)
    clock.advance(10.0)
    table.take("new")

    assert 51 == len(table)
    assert [table.standing("newer").remaining] * 50 == [table.standing(number).remaining for number in range(50)]
    assert 0.0 == table.take(0, 2) < table.take(0, 1)


@algorithms
def test_a_full_table_forgets_its_oldest_key_and_says_so(algorithm: str) -> None:
    forgotten: list[None] = []
    table = open_table(Limit(1, 60.0, algorithm), FakeClock(), 3, lambda: forgotten.append(None))

    for key in "abcd":
        table.take(key)

    assert (3, 1) == (len(table), len(forgotten))
    assert all(table.take(key) > 0.0 for key in "bcd")


def test_a_window_of_the_calendar_ends_when_the_clock_says_so() -> None:
    clock = FakeClock()
    zone = ZoneInfo("Europe/Berlin")
    clock.epoch = datetime(2026, 3, 28, 23, 59, 50, tzinfo=zone).timestamp()
    table = open_table(Limit(2, 86400.0, "fixed-window", calendar="day", zone=zone), clock)

    assert [0.0, 0.0, 10.0] == [table.take("a") for _ in range(3)]
    clock.epoch += 10
    assert 0.0 == table.take("a")
    # The clocks go forward: the next day has 23 hours.
    assert 23 * 3600.0 == table.standing("a").reset


@pytest.mark.parametrize("day", ["2026-04-04T12:00Z", "2026-10-03T12:00Z"], ids=["back", "forward"])
def test_hours_follow_each_other_where_clocks_change_by_half_of_one(day: str) -> None:
    zone, moment = ZoneInfo("Australia/Lord_Howe"), datetime.fromisoformat(day).timestamp()
    lengths = []
    while len(lengths) < 8:
        begin, end = bounds("hour", zone, moment)
        assert {(begin, end)} == {bounds("hour", zone, second) for second in range(begin, end, 60)}
        assert not lengths or begin == moment
        lengths.append(end - begin)
        moment = end

    assert [1800, *[3600] * 7] == sorted(lengths)


@given(
    calendar=st.sampled_from(CALENDARS),
    zone=st.sampled_from(
        [
            "UTC",
            "Europe/Berlin",
            "Asia/Kathmandu",
            "America/St_Johns",
            "Pacific/Apia",
            "Australia/Lord_Howe",
            "America/Havana",
        ]
    ),
    moment=st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)),
)
@settings(max_examples=500, deadline=None)
def test_windows_of_the_calendar_follow_each_other_without_a_gap(calendar: str, zone: str, moment: datetime) -> None:
    seconds = moment.replace(tzinfo=UTC).timestamp()
    begin, end = bounds(calendar, ZoneInfo(zone), seconds)

    assert begin <= seconds < end
    assert end == bounds(calendar, ZoneInfo(zone), end)[0]
    assert begin == bounds(calendar, ZoneInfo(zone), begin)[0]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"calendar": "day"}, "windows of the calendar are fixed: gcra has none"),
        ({"algorithm": "sliding-window", "burst": 3}, "only gcra has a burst"),
        ({"algorithm": "sliding-log", "units": 1_000_000}, "remembers 100,000 units at most"),
    ],
)
def test_what_cannot_be_counted_so_is_refused(settings_: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Limit(**{"units": 10, "seconds": 60.0, **settings_})
