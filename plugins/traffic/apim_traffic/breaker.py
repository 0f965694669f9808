"""A circuit breaker: stops calls to what fails too often, and finds out with few calls when it has recovered.

=========  ==============================================  ==========================================================
state      calls                                           leaves by
=========  ==============================================  ==========================================================
CLOSED     all pass; how they went is in the window        too large a share failed or was slow -> OPEN
OPEN       none passes                                     its time is over, with the next call -> HALF_OPEN
HALF_OPEN  so many probes pass, the others do not          all probes good -> CLOSED; one bad, or no word of them for
                                                           as long as it was open -> OPEN, for longer than before
=========  ==============================================  ==========================================================

A call that began in one state says nothing in the next: each has a ticket, and a change makes those before it void.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Final

import attrs

from apim_traffic.rolling import FAILED, Window

__all__ = ["IGNORED", "Breaker", "Rules", "State"]

IGNORED: Final = -1
"""The outcome of a call that says nothing of the backend: the client went away, or its request was bad."""


class State(Enum):
    """See the module."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


_CLOSED, _OPEN, _HALF_OPEN = State


@attrs.frozen
class Rules:
    """When a breaker opens, and for how long. Ratios are shares of the calls in the window, durations seconds."""

    minimum_calls: int
    failure_ratio: float
    slow_ratio: float
    probes: int
    open_duration: float
    factor: float
    max_open_duration: float


class Breaker:
    """See the module. ``changed`` is told of every change of state, with the reason.

    ``until`` (monotonic seconds) is when it ends to be open, or to wait for its probes; ``duration`` how long it is, or
    was last, open.
    """

    __slots__ = (
        "_changed",
        "_now",
        "_passed",
        "_probing",
        "_rules",
        "_ticket",
        "duration",
        "key",
        "state",
        "until",
        "window",
    )

    def __init__(
        self,
        key: Hashable,
        rules: Rules,
        window: Window,
        now: Callable[[], float],
        changed: Callable[[Breaker, str], None],
    ) -> None:
        self.key = key
        self._rules = rules
        self.window = window
        self._now = now
        self._changed = changed
        self.state = _CLOSED
        self.until = 0.0
        self.duration = 0.0
        self._ticket = 1
        self._probing = 0
        self._passed = 0

    @property
    def remaining(self) -> float:
        """Seconds until a refused call is worth another try."""
        return max(self.until - self._now(), 0.0)

    def enter(self) -> int:
        """Begin a call: the ticket to ``leave`` with, or 0 where the call must not be made."""
        if self.state is _CLOSED:
            return self._ticket
        now = self._now()
        if now >= self.until:
            if self.state is _OPEN:
                self.half_open("its time is over")
            elif self._probing:
                self._open("a probe was not answered")
        if self.state is _OPEN or self._probing + self._passed >= self._rules.probes:
            return 0
        self._probing += 1
        self.until = now + self.duration
        return self._ticket

    def leave(self, ticket: int, outcome: int, now: float) -> None:
        """A call has ended at ``now`` (monotonic seconds): IGNORED, or flags of ``rolling``."""
        if ticket != self._ticket:
            return
        if self.state is _HALF_OPEN:
            self._probed(outcome)
        elif outcome != IGNORED:
            window = self.window
            window.add(outcome, now)
            rules = self._rules
            total = window.total
            if total >= rules.minimum_calls:
                if window.failed >= rules.failure_ratio * total:
                    self._open(f"{window.failed} of {total} calls failed")
                elif window.slow >= rules.slow_ratio * total:
                    self._open(f"{window.slow} of {total} calls were slow")

    def _probed(self, outcome: int) -> None:
        self._probing -= 1
        if outcome == IGNORED:
            return
        if outcome:
            self._open("a probe failed" if outcome & FAILED else "a probe was slow")
            return
        self._passed += 1
        if self._passed == self._rules.probes:
            self.duration = 0.0
            self._change(_CLOSED, "its probes were answered")

    def _open(self, reason: str) -> None:
        rules = self._rules
        longer = self.duration * rules.factor if self.duration else rules.open_duration
        self.suspend(min(longer, rules.max_open_duration), None, reason)

    def suspend(self, duration: float, remaining: float | None, reason: str) -> None:
        """Be open for ``duration``, of which ``remaining`` is left (default: all)."""
        self.duration = duration
        self.until = self._now() + (duration if remaining is None else remaining)
        self._change(_OPEN, reason)

    def half_open(self, reason: str) -> None:
        """Try with a few calls whether it has recovered."""
        self.until = self._now() + self.duration
        self._change(_HALF_OPEN, reason)

    def _change(self, state: State, reason: str) -> None:
        self.state = state
        self._ticket += 1
        self._probing = self._passed = 0
        self.window.clear()
        self._changed(self, reason)
