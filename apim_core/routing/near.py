"""What nearly matched a request and why it did not, for ``apim explain``."""

from __future__ import annotations

import heapq
from typing import Generic, TypeAlias, TypeVar

import attrs

from apim_core.http.target import canonical_path
from apim_core.routing.hosts import ANY_HOST, host_name, host_pattern, patterns_for
from apim_core.routing.route import Route
from apim_core.routing.router import Router
from apim_core.routing.template import PARAMETER, Segment, Template, canonical_segments
from apim_core.routing.trie import split_partial

__all__ = ["Near", "near"]

T = TypeVar("T")

_Place: TypeAlias = tuple[int, int]
"""Rank of a host pattern and a context that a request stands under: the smallest one owns it."""


@attrs.frozen
class Near(Generic[T]):
    """A route that does not serve a request, and every reason, in sentences.

    ``segments`` is how many segments of the path it has in common with the request, from the left.
    """

    route: Route[T]
    reasons: tuple[str, ...]
    segments: int


def near(router: Router[T], method: str, host: str, path: str, most: int = 5) -> tuple[Near[T], ...]:
    """At most ``most`` routes that come close to the request, the closest first, without the one that serves it.

    It looks at every route, so it is not for the request path.
    """
    found = router.match(method, host, path)
    serving = found[0] if isinstance(found, tuple) else None
    patterns = tuple(patterns_for(host_name(host)))
    segments = [segment for segment in path.split("/") if segment]
    compared = [_Comparison.of(route, method, patterns, segments) for route in router.routes]
    places = [(comparison.place, comparison.route) for comparison in compared if comparison.place is not None]
    owner = min(places, key=lambda place: place[0], default=None)
    candidates = (comparison.near(owner) for comparison in compared if comparison.route.target is not serving)
    close = (candidate for candidate in candidates if candidate.segments or not segments)
    return tuple(heapq.nsmallest(most, close, key=_distance))


def _distance(candidate: Near[T]) -> tuple[int, int, str]:
    return -candidate.segments, len(candidate.reasons), candidate.route.label


@attrs.frozen
class _Comparison(Generic[T]):
    """One route held against the request."""

    route: Route[T]
    reasons: tuple[str, ...]
    segments: int
    place: _Place | None

    @classmethod
    def of(cls, route: Route[T], method: str, patterns: tuple[str, ...], segments: list[str]) -> _Comparison[T]:
        reasons: list[str] = []
        if method not in (route.method, "HEAD" if route.method == "GET" else "") and route.method != "*":
            reasons.append(f"the method is {method}, not {route.method}")
        wanted = [host_pattern(text) for text in route.hosts] or [ANY_HOST]
        ranks = [patterns.index(pattern) for pattern in wanted if pattern in patterns]
        if not ranks:
            reasons.append(f"the host is {patterns[0]}, not {' or '.join(route.hosts)}")
        context = canonical_segments(route.context, canonical_path)
        template = Template.parse(route.template, canonical_path)
        common, reason = _common(segments, (*context, *template.segments), template.rest)
        if reason is not None:
            reasons.append(reason)
        inside = segments[: len(context)] == list(context)
        return cls(route, tuple(reasons), common, (ranks[0], -len(context)) if ranks and inside else None)

    def near(self, owner: tuple[_Place, Route[T]] | None) -> Near[T]:
        reasons = self.reasons
        if owner is not None and self.place is not None and self.place != owner[0]:
            where = owner[1]
            hosts = f" on {' or '.join(where.hosts)}" if where.hosts else ""
            reasons = (*reasons, f"the path belongs to the context {where.context}{hosts}, which is more specific")
        return Near(self.route, reasons or ("an operation that is more specific comes first",), self.segments)


def _common(segments: list[str], template: tuple[Segment, ...], rest: bool) -> tuple[int, str | None]:
    """How many segments fit from the left, and why the next one does not."""
    for index, wanted in enumerate(template):
        if index == len(segments):
            return index, f"the path ends where {_shown(wanted)} should follow"
        if not _fits(wanted, segments[index]):
            return index, f"segment {index + 1} of the path is {segments[index]!r}, not {_shown(wanted)}"
    if len(segments) > len(template) and not rest:
        return len(template), f"the path goes on with {segments[len(template)]!r} where the template ends"
    return len(segments), None


def _fits(wanted: Segment, segment: str) -> bool:
    if isinstance(wanted, tuple):
        return split_partial(wanted, segment) is not None
    return wanted is PARAMETER or wanted == segment


def _shown(wanted: Segment) -> str:
    if wanted is PARAMETER:
        return "a parameter"
    return repr("{}".join(wanted) if isinstance(wanted, tuple) else wanted)
