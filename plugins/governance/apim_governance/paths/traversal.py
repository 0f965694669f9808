"""One walk over a document for many JSONPaths.

All expressions are compiled into one automaton. A state says for each expression that can still match below a node how
many of its segments are behind it; the key of a child leads to the next state. What the key alone decides is looked up
in a table that is filled as keys are met; filters that look at the value are evaluated only for mappings that have a
member that the filter needs. Below a dead state nothing is visited.

Whatever follows a ``^`` within an expression is walked by a traversal of its own from the node that it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from apim_governance.paths.automaton import Automaton, State
from apim_governance.paths.expression_compiler import of_type
from apim_governance.paths.syntax import KeyOf, Parent, Path, TypeOf

__all__ = ["Match", "Traversal", "find"]

Key = str | int
Match = Callable[[int, Any, tuple[Key, ...]], None]
"""Told of each match: the number of its expression, the value, and the path."""

Link = tuple[Any, ...]
"""The way to a node: the link of its parent, the parent's value, the key; the root's is empty."""
_ROOT: Link = ()
_Told = dict[int, list[set[tuple[Key, ...]] | None]]
"""What was told by each traversal of a run, by its id. Walks that start at many nodes come to the same ones again."""


class Traversal:
    """Walks documents for some expressions. Made once for a ruleset; it may be used by one thread at a time.

    Each node is told once for each expression. Documents are trees; for graphs, whose references lead to the same
    objects and maybe back into themselves, there is ``once``: what is reached again by another way, in the same state
    of the automaton, is not walked again, for a finding belongs to where a thing is written and not to the way there.
    """

    def __init__(self, expressions: Sequence[Path], once: bool = False) -> None:
        self._once = once
        self._tails = [_Tail(path) for path in expressions]
        self._automaton = Automaton([tail.main for tail in self._tails])

    def run(self, root: Any, match: Match) -> None:
        """Tell ``match`` of everything that the expressions find."""
        _Walk(self, root, match).run()


class _Tail:
    """An expression cut in two: up to its first segment that leads nowhere further down, and from there."""

    def __init__(self, path: Path) -> None:
        segments = path.segments
        cut = next(
            (index for index, each in enumerate(segments) if isinstance(each, Parent | KeyOf | TypeOf)), len(segments)
        )
        self.main = Path(segments[:cut])
        operations: list[Parent | KeyOf | TypeOf] = []
        for segment in segments[cut:]:
            if not isinstance(segment, Parent | KeyOf | TypeOf):
                break
            operations.append(segment)
        self.operations = tuple(operations)
        rest = segments[cut + len(operations) :]
        self.rest = Traversal([Path(rest)]) if rest else None
        self.plain = not segments[cut:]


class _Walk:
    """One run over one document; also the spot that filters ask. ``_link`` is that of the node that is looked at."""

    def __init__(
        self,
        traversal: Traversal,
        root: Any,
        match: Match,
        start: Link = _ROOT,
        value: Any = None,
        told: _Told | None = None,
    ) -> None:
        self._tails = traversal._tails
        self._automaton = traversal._automaton
        self._once = traversal._once
        self._match = match
        self.root = root
        self._start = start
        self._value = root if start == _ROOT else value
        self._link: Link = start
        self._key: Key = ""
        self.parent: Any = None
        self._all_told: _Told = {} if told is None else told
        known = self._all_told.get(id(traversal))
        if known is None:
            known = [None if tail.plain and told is None else set() for tail in self._tails]
            self._all_told[id(traversal)] = known
        self._told = known

    def path(self) -> tuple[Key, ...]:
        """Where the node stands that a filter is asked about."""
        return (*_path(self._link), self._key)

    def run(self) -> None:
        """Walk, without recursion: depth is bounded by memory alone."""
        automaton = self._automaton
        value = self._value
        for number in automaton.at_root:
            self._tell(number, value, self._start)
        state = automaton.start
        if state is None or type(value) not in (dict, list):
            return
        seen: set[tuple[int, State]] = set()
        stack: list[tuple[Any, State, Link]] = [(value, state, self._start)]
        while stack:
            value, state, link = stack.pop()
            if self._once:
                visit = (id(value), state)
                if visit in seen:
                    continue
                seen.add(visit)
            if not state.prepared:
                state.prepare()
            self.parent = value
            self._link = link
            items: Iterable[tuple[Key, Any]] = value.items() if type(value) is dict else enumerate(value)
            known = state.steps
            other = state.other if type(value) is dict else state.other_item
            for key, child in items:
                step = known.get(key, other)
                if step is None:
                    step = state.step(key)
                container = type(child) is dict or type(child) is list
                following = step.state
                if step.matches:
                    for number in step.matches:
                        self._tell(number, child, (link, value, key))
                if step.filters and (container or step.asks_scalars):
                    self._key = key
                    following = self._filter(step, key, child, (link, value, key))
                if container and following is not None:
                    stack.append((child, following, (link, value, key)))

    def _filter(self, step: Any, key: Key, child: Any, link: Link) -> State | None:
        """Evaluate what looks at the value, tell of matches, and answer the state below the child."""
        needed = step.needed
        held = 0
        if needed is None or (type(child) is dict and not needed.isdisjoint(child)):
            for index, (needs, holds) in enumerate(step.filters):
                if needs is not None and (type(child) is not dict or needs.isdisjoint(child)):
                    continue
                if holds(child, key, self):
                    held |= 1 << index
        if not held:
            return step.state  # type: ignore[no-any-return]
        for number in step.matches_with(held):
            self._tell(number, child, link)
        return step.state_with(held)  # type: ignore[no-any-return]

    def _tell(self, number: int, value: Any, link: Link) -> None:
        tail = self._tails[number]
        told = self._told[number]
        if told is None:
            self._match(number, value, _path(link))
            return
        by_key = False
        for operation in tail.operations:
            if isinstance(operation, Parent):
                if not link:
                    return
                link, value, _ = link
                by_key = False
            elif isinstance(operation, KeyOf):
                by_key = True
            elif not of_type(value, operation.type):
                return
        path = _path(link)
        if path in told:
            return
        told.add(path)
        if tail.rest is not None:
            _Walk(tail.rest, self.root, _as(number, self._match), link or _ROOT, value, self._all_told).run()
        else:
            self._match(number, (path[-1] if path else None) if by_key else value, path)


def _as(number: int, match: Match) -> Match:
    """A match of what follows an expression as one of the expression."""
    return lambda _, value, path: match(number, value, path)


def _path(link: Link) -> tuple[Key, ...]:
    keys: list[Key] = []
    while link:
        link, _, key = link
        keys.append(key)
    return tuple(reversed(keys))


def find(path: Path, root: Any) -> list[tuple[tuple[Key, ...], Any]]:
    """What one expression finds: paths and values."""
    found: list[tuple[tuple[Key, ...], Any]] = []
    Traversal([path]).run(root, lambda _, value, place: found.append((place, value)))
    return found
