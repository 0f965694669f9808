"""The automaton that a traversal walks with: states, and the steps that keys lead to.

A position is an expression and the number of its segments that are behind it. A state is a set of positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from apim_governance.paths.expression_compiler import CompiledFilter, compile_filter
from apim_governance.paths.syntax import Child, Descend, Filter, Index, Name, Path, Selector, Slice, Wildcard

__all__ = ["Automaton", "State", "Step"]

Key = str | int
Position = tuple[int, int]
Holds = Callable[[Any, Key, Any], bool]
_MOST_KEYS = 100_000
"""Keys that a state remembers."""


class Automaton:
    """All expressions in one."""

    def __init__(self, expressions: Sequence[Path]) -> None:
        self._segments = [_segments(path) for path in expressions]
        self._states: dict[frozenset[Position], State] = {}
        self.at_root = tuple(number for number, segments in enumerate(self._segments) if not segments)
        self.start = self.state((number, 0) for number, segments in enumerate(self._segments) if segments)

    def state(self, positions: Iterable[Position]) -> State | None:
        """The state of these positions; None if there is none, so that nothing below can match."""
        these = frozenset(positions)
        if not these:
            return None
        known = self._states.get(these)
        if known is None:
            known = self._states[these] = State(self, these)
        return known

    def segment(self, position: Position) -> tuple[bool, tuple[_Test, ...]]:
        """Whether the next segment looks at any depth, and its selectors."""
        return self._segments[position[0]][position[1]]

    def split(self, positions: Iterable[Position]) -> tuple[tuple[int, ...], tuple[Position, ...]]:
        """Which of the positions are matches, and which go on."""
        matches, others = [], []
        for number, behind in positions:
            if behind == len(self._segments[number]):
                matches.append(number)
            else:
                others.append((number, behind))
        return tuple(sorted(set(matches))), tuple(others)


class State:
    """Positions that are reached at a node; ``steps`` are those of keys that were met."""

    __slots__ = ("_automaton", "_positions", "other", "other_item", "prepared", "steps")

    def __init__(self, automaton: Automaton, positions: frozenset[Position]) -> None:
        self._automaton = automaton
        self._positions = positions
        self.prepared = False
        self.steps: dict[Key, Step] = {}
        self.other: Step | None = None
        self.other_item: Step | None = None

    def prepare(self) -> None:
        """Make the steps that can be told beforehand, when a walk comes here for the first time."""
        self.prepared = True
        tests = [test for position in self._positions for test in self._automaton.segment(position)[1]]
        if any(test.filter is not None and test.filter.key is not None for test in tests):
            return
        # Where no filter asks for the key, all keys that no selector names lead to the same.
        for name in {test.name for test in tests if test.name is not None}:
            self.steps[name] = self._made(name)
        self.other = self._made(None)
        if not any(test.index is not None for test in tests):
            self.other_item = self._made(-1)

    def step(self, key: Key) -> Step:
        """The step of a key that is not in ``steps``."""
        made = self._made(key)
        if len(self.steps) < _MOST_KEYS:
            self.steps[key] = made
        return made

    def _made(self, key: Key | None) -> Step:
        """Where a key leads; None stands for every name that no selector has."""
        sure: set[Position] = set()
        filters: list[tuple[frozenset[str] | None, Holds, Position]] = []
        for position in self._positions:
            descends, tests = self._automaton.segment(position)
            following = (position[0], position[1] + 1)
            if descends:
                sure.add(position)
            for test in tests:
                taken = test.takes(key)
                if taken is True:
                    sure.add(following)
                elif taken is not False:
                    filters.append((*taken, following))
        return Step(self._automaton, sure, filters)


class Step:
    """What a key leads to: ``matches``, the ``state`` below, and ``filters`` that the value decides.

    ``needed`` are the members of which a mapping must have one for any filter to hold, None if that cannot be said.
    """

    __slots__ = ("_automaton", "_sure", "_targets", "_with", "asks_scalars", "filters", "matches", "needed", "state")

    def __init__(
        self,
        automaton: Automaton,
        sure: set[Position],
        filters: list[tuple[frozenset[str] | None, Holds, Position]],
    ) -> None:
        self._automaton = automaton
        self._sure = frozenset(sure)
        self._targets = tuple(target for _, _, target in filters)
        self._with: dict[int, tuple[tuple[int, ...], State | None]] = {}
        self.filters = tuple((needs, holds) for needs, holds, _ in filters)
        self.matches, others = automaton.split(sure)
        self.state = automaton.state(others)
        self.asks_scalars = any(needs is None for needs, _, _ in filters)
        needed = [needs for needs, _, _ in filters if needs is not None]
        self.needed = None if self.asks_scalars else frozenset().union(*needed)

    def matches_with(self, held: int) -> tuple[int, ...]:
        """Which expressions match as well, where the filters hold whose bits are set."""
        return self._outcome(held)[0]

    def state_with(self, held: int) -> State | None:
        """The state below, where these filters hold."""
        return self._outcome(held)[1]

    def _outcome(self, held: int) -> tuple[tuple[int, ...], State | None]:
        known = self._with.get(held)
        if known is None:
            positions = set(self._sure)
            positions.update(target for index, target in enumerate(self._targets) if held >> index & 1)
            matches, others = self._automaton.split(positions)
            known = tuple(set(matches) - set(self.matches)), self._automaton.state(others)
            self._with[held] = known
        return known


class _Test:
    """One selector, compiled."""

    __slots__ = ("filter", "index", "name", "wildcard")

    def __init__(self, selector: Selector) -> None:
        self.name = selector.name if isinstance(selector, Name) else None
        if isinstance(selector, Index) and selector.index >= 0:
            self.name = str(selector.index)  # of a mapping, which has no numbers
        self.wildcard = isinstance(selector, Wildcard)
        self.index: Index | Slice | None = selector if isinstance(selector, Index | Slice) else None
        self.filter: CompiledFilter | None = (
            compile_filter(selector.expression) if isinstance(selector, Filter) else None
        )

    def takes(self, key: Key | None) -> bool | tuple[frozenset[str] | None, Holds]:
        """Whether a child of that key is taken; or what decides it, with the members that it needs."""
        if self.wildcard:
            return True
        if self.index is not None:
            if not isinstance(key, int):
                return self.name is not None and self.name == key
            if isinstance(self.index, Index) and self.index.index >= 0:
                return self.index.index == key
            return None, _among(self.index)
        if self.name is not None:
            return self.name == key
        assert self.filter is not None
        if self.filter.key is not None and not self.filter.key("" if key is None else key):
            return False
        return True if self.filter.rest is None else (self.filter.needs, self.filter.rest)


def _among(index: Index | Slice) -> Holds:
    """Whether the number of an item is the one, or in the slice; that takes the length of its list."""

    def holds(value: Any, key: Key, spot: Any) -> bool:
        length = len(spot.parent)
        if isinstance(index, Index):
            return key == length + index.index
        return key in range(*slice(index.start, index.stop, index.step).indices(length))

    return holds


def _segments(path: Path) -> list[tuple[bool, tuple[_Test, ...]]]:
    segments: list[tuple[bool, tuple[_Test, ...]]] = []
    for segment in path.segments:
        assert isinstance(segment, Child | Descend)
        segments.append((isinstance(segment, Descend), tuple(_Test(each) for each in segment.selectors)))
    return segments
