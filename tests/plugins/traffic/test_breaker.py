"""The states of a circuit breaker: closed, open, half-open, and what leads from one to the next."""

from __future__ import annotations

import attrs
from apim_sdk.testing import FakeClock
from apim_traffic.breaker import IGNORED, Breaker, Rules, State
from apim_traffic.rolling import FAILED, SLOW, CountWindow
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

RULES = Rules(
    minimum_calls=4,
    failure_ratio=0.5,
    slow_ratio=0.75,
    probes=2,
    open_duration=10.0,
    factor=3.0,
    max_open_duration=40.0,
)


class Bench:
    """A breaker, its clock, and the changes it told of."""

    def __init__(self, **rules: float) -> None:
        self.clock = FakeClock()
        self.changes: list[tuple[str, str]] = []
        self.breaker = Breaker("key", attrs.evolve(RULES, **rules), CountWindow(8), self.clock.monotonic, self._changed)

    def _changed(self, breaker: Breaker, reason: str) -> None:
        self.changes.append((breaker.state.value, reason))

    def calls(self, *outcomes: int) -> list[bool]:
        """Make calls one after the other; whether each was let through."""
        passed = []
        for outcome in outcomes:
            ticket = self.breaker.enter()
            passed.append(bool(ticket))
            if ticket:
                self.breaker.leave(ticket, outcome, self.clock.monotonic())
        return passed

    def opened(self) -> Bench:
        self.calls(*[FAILED] * 4)
        return self


def test_it_opens_when_enough_calls_failed_of_enough() -> None:
    bench = Bench()

    assert [True] * 4 == bench.calls(FAILED, 0, 0, FAILED)
    assert [False] == bench.calls(0)
    assert [("open", "2 of 4 calls failed")] == bench.changes


def test_few_calls_say_nothing() -> None:
    bench = Bench()

    assert [True] * 3 == bench.calls(FAILED, FAILED, FAILED)
    assert State.CLOSED is bench.breaker.state


def test_a_good_call_can_be_the_one_that_makes_them_enough() -> None:
    bench = Bench()
    bench.calls(FAILED, FAILED, FAILED, 0)

    assert [("open", "3 of 4 calls failed")] == bench.changes


def test_it_opens_when_too_many_calls_were_slow() -> None:
    bench = Bench()
    bench.calls(SLOW, SLOW, 0, SLOW)

    assert [("open", "3 of 4 calls were slow")] == bench.changes


def test_what_says_nothing_of_the_backend_does_not_count() -> None:
    bench = Bench()
    bench.calls(*[IGNORED] * 50, FAILED, FAILED, FAILED)

    assert State.CLOSED is bench.breaker.state


def test_failures_that_left_the_window_are_forgotten() -> None:
    bench = Bench()
    bench.calls(0, 0, 0, 0, FAILED, FAILED, FAILED, *[0] * 8, FAILED, FAILED, FAILED)

    assert State.CLOSED is bench.breaker.state


def test_while_it_is_open_nothing_passes() -> None:
    bench = Bench().opened()
    bench.clock.advance(9.9)

    assert [False] * 3 == bench.calls(0, 0, 0)
    assert 0 < bench.breaker.remaining <= 0.11


def test_after_its_time_so_many_probes_pass_at_once_and_no_more() -> None:
    bench = Bench().opened()
    bench.clock.advance(10)

    assert [True, True, False, False] == [bool(bench.breaker.enter()) for _ in range(4)]


def test_it_closes_when_all_probes_were_good() -> None:
    bench = Bench().opened()
    bench.clock.advance(10)
    bench.calls(0, 0)

    assert [("half-open", "its time is over"), ("closed", "its probes were answered")] == bench.changes[1:]
    assert [True] * 3 == bench.calls(FAILED, FAILED, FAILED), "and knows nothing of before"
    assert State.CLOSED is bench.breaker.state


def test_a_probe_that_says_nothing_is_made_again() -> None:
    bench = Bench().opened()
    bench.clock.advance(10)

    assert [True] * 5 == bench.calls(IGNORED, IGNORED, 0, IGNORED, 0)
    assert State.CLOSED is bench.breaker.state


def test_each_time_a_probe_fails_it_is_open_for_longer_up_to_a_bound() -> None:
    bench = Bench().opened()
    durations = []
    for outcome in (FAILED, SLOW, FAILED):
        durations.append(bench.breaker.remaining)
        bench.clock.advance(bench.breaker.remaining)
        bench.calls(outcome)

    assert [10, 30, 40] == durations
    assert 40 == bench.breaker.remaining


def test_once_it_has_closed_the_next_opening_is_a_short_one_again() -> None:
    bench = Bench().opened()
    bench.clock.advance(10)
    bench.calls(FAILED)
    bench.clock.advance(30)
    bench.calls(0, 0)
    bench.opened()

    assert 10 == bench.breaker.remaining


def test_a_call_from_before_the_opening_says_nothing_afterwards() -> None:
    bench = Bench()
    late = [bench.breaker.enter() for _ in range(3)]
    bench.opened()
    for ticket in late:
        bench.breaker.leave(ticket, 0, bench.clock.monotonic())
    bench.clock.advance(10)
    probe = bench.breaker.enter()
    bench.breaker.leave(late[0], FAILED, bench.clock.monotonic())

    assert State.HALF_OPEN is bench.breaker.state
    bench.breaker.leave(probe, 0, bench.clock.monotonic())
    bench.calls(0)
    assert State.CLOSED is bench.breaker.state


def test_probes_of_which_nothing_is_heard_open_it_again() -> None:
    bench = Bench().opened()
    bench.clock.advance(10)
    bench.breaker.enter()
    bench.breaker.enter()
    bench.clock.advance(9.9)
    assert [False] == bench.calls(0)
    bench.clock.advance(0.1)

    assert [False] == bench.calls(0)
    assert ("open", "a probe was not answered") == bench.changes[-1]
    assert 30 == bench.breaker.remaining


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens, an open breaker lets nothing pass, and a half-open one only its probes."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.under_way: list[tuple[int, int]] = []

    @rule()
    def call(self) -> None:
        before = len(self.bench.changes)
        ticket = self.bench.breaker.enter()
        if ticket:
            assert State.OPEN is not self.bench.breaker.state
            self.under_way.append((ticket, len(self.bench.changes)))
        else:
            assert State.CLOSED is not self.bench.breaker.state
        assert len(self.bench.changes) - before <= 1

    @precondition(lambda self: self.under_way)
    @rule(outcome=st.sampled_from((IGNORED, 0, FAILED, SLOW)), which=st.integers(0, 1000))
    def end(self, outcome: int, which: int) -> None:
        ticket, _ = self.under_way.pop(which % len(self.under_way))
        self.bench.breaker.leave(ticket, outcome, self.bench.clock.monotonic())

    @rule(seconds=st.sampled_from((0.5, 5.0, 10.0, 45.0)))
    def wait(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)

    @invariant()
    def so_many_probes_at_once(self) -> None:
        if self.bench.breaker.state is State.HALF_OPEN:
            probing = sum(epoch == len(self.bench.changes) for _, epoch in self.under_way)
            assert probing <= RULES.probes

    @invariant()
    def it_is_never_open_for_longer_than_the_bound(self) -> None:
        assert self.bench.breaker.remaining <= RULES.max_open_duration


TestAnyHistory = AnyHistory.TestCase
