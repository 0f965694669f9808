"""The router: one operation for each host, path and method."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Generic, TypeVar

import attrs

from apim_core.http.target import canonical_path
from apim_core.routing.hosts import ANY_HOST, host_name, host_pattern, patterns_for
from apim_core.routing.route import DuplicateRoutesError, Match, NotAllowed, Route
from apim_core.routing.table import Table
from apim_core.routing.template import Canonical, Template, canonical_segments

__all__ = ["Router"]

T = TypeVar("T")

_REMEMBERED = 1024
_SHORT = 256
"""How many paths are remembered, and up to how many characters."""


class Router(Generic[T]):
    """Finds the operation of a request; the cost does not grow with the number of routes.

    ``canonical`` makes the literals of templates canonical, as the listener does with paths. ``routes`` are all of
    them; ``fenced_off`` those that no request can reach, because a longer context owns all that they match.

    Raises DuplicateRoutesError for routes that equal another, TemplateError for a context or template and ValueError
    for a host that cannot be understood.
    """

    def __init__(self, routes: Iterable[Route[T]], canonical: Canonical = canonical_path) -> None:
        placed = _place(tuple(routes), canonical)
        _refuse_duplicates(placed)
        self.routes = tuple(place.route for place in placed)
        self._tables, self.fenced_off = _tables(placed)
        self._any = self._tables.get(ANY_HOST) or Table()
        self._has_hosts = any(pattern != ANY_HOST for pattern in self._tables)
        self._recent: dict[str, tuple[str, str, Match[T]]] = {}

    def match(self, method: str, host: str, path: str) -> Match[T] | NotAllowed[T] | None:
        """What serves the request: a tuple of target and parameters; NotAllowed (405); None (404).

        ``host`` is an authority in lower case, ``path`` canonical. What a path has led to is remembered for the next
        request of the same method to the same host, so parameters are not to be changed.
        """
        recent = self._recent.get(path)
        if recent is not None and recent[0] == method and recent[1] == host:
            return recent[2]
        found = self._search(method, host, path)
        if found.__class__ is tuple and len(path) <= _SHORT:
            if len(self._recent) >= _REMEMBERED:
                self._recent.clear()
            target, parameters = found
            found = (target, MappingProxyType(parameters))
            self._recent[path] = (method, host, found)
        return found

    def _search(self, method: str, host: str, path: str) -> Match[T] | NotAllowed[T] | None:
        if not self._has_hosts:
            return self._any.match(method, path)
        for pattern in patterns_for(host_name(host)):
            table = self._tables.get(pattern)
            if table is not None and ((found := table.match(method, path)) is not None or table.owns(path)):
                return found
        return None


@attrs.frozen
class _Placed(Generic[T]):
    """A route, understood."""

    route: Route[T]
    patterns: tuple[str, ...]
    context: tuple[str, ...]
    template: Template


def _place(routes: tuple[Route[T], ...], canonical: Canonical) -> list[_Placed[T]]:
    """Parse each text once, as many APIs have the same templates."""
    templates: dict[str, Template] = {}
    contexts: dict[str, tuple[str, ...]] = {}
    hosts: dict[tuple[str, ...], tuple[str, ...]] = {}
    placed: list[_Placed[T]] = []
    for route in routes:
        template = templates.get(route.template)
        if template is None:
            template = templates[route.template] = Template.parse(route.template, canonical)
        context = contexts.get(route.context)
        if context is None:
            context = contexts[route.context] = canonical_segments(route.context, canonical)
        patterns = hosts.get(route.hosts)
        if patterns is None:
            patterns = hosts[route.hosts] = tuple(map(host_pattern, route.hosts)) or (ANY_HOST,)
        placed.append(_Placed(route, patterns, context, template))
    return placed


def _refuse_duplicates(placed: list[_Placed[T]]) -> None:
    seen: dict[object, Route[T]] = {}
    pairs: dict[tuple[int, int], tuple[Route[T], Route[T]]] = {}
    for place in placed:
        for pattern in dict.fromkeys(place.patterns):
            key = (pattern, place.context, place.route.method, place.template.shape)
            first = seen.setdefault(key, place.route)
            if first is not place.route:
                pairs[id(first), id(place.route)] = (first, place.route)
    if pairs:
        raise DuplicateRoutesError(tuple(pairs.values()))


def _tables(placed: list[_Placed[T]]) -> tuple[dict[str, Table[T]], tuple[Route[T], ...]]:
    tables: dict[str, Table[T]] = {}
    for place in placed:
        for pattern in place.patterns:
            tables.setdefault(pattern, Table()).add_context(place.context)
    fenced_off: list[Route[T]] = []
    for place in placed:
        reachable = False
        for pattern in place.patterns:
            table = tables[pattern]
            if not table.is_fenced_off(place.context, place.template):
                table.add(place.context, place.template, place.route.method, place.route.target)
                reachable = True
        if not reachable:
            fenced_off.append(place.route)
    return tables, tuple(fenced_off)
