"""Routing: which operation serves a request, and what is said when none does."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.target import canonical_path
from apim_core.routing import DuplicateRoutesError, NotAllowed, Route, Router, TemplateError, near


def router(*operations: str, context: str = "/", hosts: tuple[str, ...] = ()) -> Router[str]:
    """A router of one API; each operation is its own target."""
    return Router(route(operation, context, hosts) for operation in operations)


def route(operation: str, context: str = "/", hosts: tuple[str, ...] = ()) -> Route[str]:
    method, template = operation.split(" ", 1)
    return Route(hosts, context, method, template, f"{'|'.join(hosts)}{context} {operation}")


def target(routes: Router[str], request: str, host: str = "localhost") -> str | None:
    method, path = request.split(" ", 1)
    found = routes.match(method, host, path)
    return found[0].split(" ", 1)[1] if isinstance(found, tuple) else None


def parameters(routes: Router[str], request: str) -> Mapping[str, str]:
    method, path = request.split(" ", 1)
    found = routes.match(method, "localhost", path)
    assert isinstance(found, tuple)
    return found[1]


# Paths and templates


def test_a_plain_path_matches_itself() -> None:
    assert target(router("GET /orders", context="/shop/1.0"), "GET /shop/1.0/orders") == "GET /orders"


def test_a_parameter_takes_one_segment_and_gives_its_value() -> None:
    routes = router("GET /orders/{id}/items/{item}")

    assert parameters(routes, "GET /orders/5/items/7") == {"id": "5", "item": "7"}
    assert target(routes, "GET /orders/5/6/items/7") is None


def test_a_parameter_takes_no_empty_segment() -> None:
    assert target(router("GET /orders/{id}"), "GET /orders/") is None


def test_a_parameter_is_percent_decoded() -> None:
    assert parameters(router("GET /people/{name}"), "GET /people/Zo%C3%AB%20%26%20co") == {"name": "Zoë & co"}


@pytest.mark.parametrize("path", ["/orders", "/orders/"])
@pytest.mark.parametrize("template", ["/orders", "/orders/"])
def test_a_last_slash_makes_no_difference(template: str, path: str) -> None:
    assert f"GET {template}" == target(router(f"GET {template}"), f"GET {path}")


def test_a_last_slash_behind_a_parameter_makes_no_difference() -> None:
    assert parameters(router("GET /orders/{id}"), "GET /orders/5/") == {"id": "5"}


@pytest.mark.parametrize(
    ("path", "rest"),
    [("/files", ""), ("/files/", ""), ("/files/a", "a"), ("/files/a/b%20c", "a/b%20c"), ("/files/a/", "a/")],
)
def test_a_last_star_takes_any_rest_as_it_came(path: str, rest: str) -> None:
    assert {"*": rest} == parameters(router("GET /files/*"), f"GET {path}")


def test_a_rest_behind_a_parameter_gives_both() -> None:
    assert parameters(router("GET /{bucket}/*"), "GET /b/x/y") == {"bucket": "b", "*": "x/y"}


@pytest.mark.parametrize(
    ("template", "segment", "expected"),
    [
        ("/{name}.json", "a.b.json", {"name": "a.b"}),
        ("/{name}.{suffix}", "a.tar.gz", {"name": "a", "suffix": "tar.gz"}),
        ("/v{major}.{minor}", "v1.2", {"major": "1", "minor": "2"}),
        ("/{from}-{to}", "a--b", {"from": "a", "to": "-b"}),
        ("/{from}-{to}", "a%2Db-c", {"from": "a-b", "to": "c"}),
    ],
)
def test_parameters_may_share_a_segment_with_literals(template: str, segment: str, expected: dict[str, str]) -> None:
    assert expected == parameters(router(f"GET {template}"), f"GET /{segment}")


@pytest.mark.parametrize(("template", "segment"), [("/{a}.json", ".json"), ("/{a}-{b}", "a-"), ("/x{a}x", "x")])
def test_a_parameter_that_shares_a_segment_takes_at_least_one_character(template: str, segment: str) -> None:
    assert target(router(f"GET {template}"), f"GET /{segment}") is None


def test_literals_of_templates_are_made_canonical() -> None:
    assert target(router("GET /caf%c3%a9/%7euser"), "GET /caf%C3%A9/~user") == "GET /caf%c3%a9/%7euser"


def test_the_asterisk_form_of_options_is_no_path() -> None:
    assert router("* /*").match("OPTIONS", "localhost", "*") is None


# Which operation is the most specific


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /a/b", "GET /a/b"),
        ("GET /a/b.json", "GET /a/{name}.json"),
        ("GET /a/c", "GET /a/{id}"),
        ("GET /a/c/d", "GET /a/*"),
        ("GET /x/b", "GET /{first}/b"),
        ("GET /x/y", "GET /*"),
        ("GET /", "GET /*"),
    ],
)
def test_the_most_specific_template_wins_segment_by_segment(request_line: str, expected: str) -> None:
    routes = router("GET /*", "GET /{first}/b", "GET /a/*", "GET /a/{id}", "GET /a/{name}.json", "GET /a/b")

    assert expected == target(routes, request_line)


def test_a_branch_that_leads_nowhere_gives_way_to_the_next() -> None:
    routes = router("GET /a/b/c", "GET /{x}/b/d", "GET /{x}/*")

    assert target(routes, "GET /a/b/d") == "GET /{x}/b/d"
    assert target(routes, "GET /a/b/e") == "GET /{x}/*"


def test_an_operation_of_another_method_does_not_stand_in_the_way() -> None:
    routes = router("DELETE /orders/special", "GET /orders/{id}")

    assert target(routes, "GET /orders/special") == "GET /orders/{id}"


def test_the_exact_method_comes_before_any_method_at_the_same_template() -> None:
    routes = router("* /orders", "GET /orders")

    assert target(routes, "GET /orders") == "GET /orders"
    assert target(routes, "POST /orders") == "* /orders"


def test_a_more_specific_template_comes_before_a_more_specific_method() -> None:
    assert target(router("* /orders/new", "GET /orders/{id}"), "GET /orders/new") == "* /orders/new"


def test_more_literal_text_in_a_mixed_segment_comes_first() -> None:
    assert target(router("GET /{a}.json", "GET /data-{a}.json"), "GET /data-x.json") == "GET /data-{a}.json"


# Methods


def test_head_is_answered_by_get() -> None:
    assert target(router("GET /orders"), "HEAD /orders") == "GET /orders"


def test_head_has_its_own_operation_where_there_is_one() -> None:
    assert target(router("GET /orders", "HEAD /orders"), "HEAD /orders") == "HEAD /orders"


def test_an_unknown_path_is_not_found() -> None:
    assert router("GET /orders").match("GET", "localhost", "/order") is None


def test_a_known_path_with_another_method_says_what_is_allowed() -> None:
    found = router("POST /orders/{id}", "GET /orders/new", "GET /*").match("DELETE", "localhost", "/orders/new")

    assert NotAllowed(("GET", "HEAD", "POST"), ("/ GET /orders/new", "/ POST /orders/{id}", "/ GET /*")) == found


# Contexts


def test_a_context_ends_at_a_segment() -> None:
    assert target(router("GET /*", context="/foo"), "GET /foobar") is None


def test_the_longest_context_owns_the_path() -> None:
    routes = Router([route("GET /*", "/orders"), route("GET /items", "/orders/1.0")])

    assert routes.match("GET", "localhost", "/orders/1.0/items") == ("/orders/1.0 GET /items", {})
    assert routes.match("GET", "localhost", "/orders/1.1/items") == ("/orders GET /*", {"*": "1.1/items"})


def test_an_unknown_path_in_a_longer_context_does_not_fall_back_to_a_shorter_one() -> None:
    routes = Router([route("* /*", "/"), route("GET /users", "/admin")])

    assert routes.match("GET", "localhost", "/admin/secrets") is None
    assert NotAllowed(("GET", "HEAD"), ("/admin GET /users",)) == routes.match("POST", "localhost", "/admin/users")


def test_a_path_that_leaves_the_way_to_a_longer_context_belongs_to_the_shorter_one() -> None:
    routes = Router([route("GET /{a}/{b}", "/shop"), route("GET /x", "/shop/eu/north")])

    assert routes.match("GET", "localhost", "/shop/eu/south") == ("/shop GET /{a}/{b}", {"a": "eu", "b": "south"})


def test_operations_that_a_longer_context_owns_are_named() -> None:
    hidden = route("GET /1.0/items", "/orders")
    routes = Router([hidden, route("GET /{version}/items", "/orders"), route("GET /", "/orders/1.0")])

    assert (hidden,) == routes.fenced_off
    assert routes.match("GET", "localhost", "/orders/1.0/items") is None


# Hosts


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.example.com", "exact"),
        ("api.example.com:8443", "exact"),
        ("api.example.com.", "exact"),
        ("b.example.com", "wildcard"),
        ("a.b.example.com", "wildcard"),
        ("x.eu.example.com", "longer wildcard"),
        ("example.com", "any"),
        ("[::1]:8080", "address"),
        ("[::2]", "any"),
    ],
)
def test_an_exact_host_comes_before_a_wildcard_before_any(host: str, expected: str) -> None:
    patterns = {
        "any": (),
        "wildcard": ("*.example.com",),
        "longer wildcard": ("*.eu.example.com",),
        "exact": ("API.example.com",),
        "address": ("[::1]",),
    }
    routes = Router(Route(hosts, "/", "GET", "/x", name) for name, hosts in patterns.items())

    assert (expected, {}) == routes.match("GET", host, "/x")


def test_a_host_without_a_context_for_the_path_leaves_it_to_the_next() -> None:
    routes = Router([route("GET /x", "/a", ("api.example.com",)), route("GET /x", "/b")])

    assert routes.match("GET", "api.example.com", "/b/x") == ("/b GET /x", {})
    assert routes.match("GET", "api.example.com", "/a/y") is None
    assert routes.match("GET", "other.example.com", "/a/x") is None


def test_a_route_answers_on_each_of_its_hosts() -> None:
    routes = router("GET /x", hosts=("a.example", "b.example"))

    assert target(routes, "GET /x", "a.example") == target(routes, "GET /x", "b.example") == "GET /x"
    assert target(routes, "GET /x", "c.example") is None


# What is refused


def test_all_pairs_of_equal_routes_are_named_at_once() -> None:
    first, second = route("GET /orders/{id}", "/shop"), route("GET /orders/{number}/", "/shop/")
    third, fourth = route("* /", hosts=("a.example", "b.example")), route("* /", hosts=("b.example",))

    with pytest.raises(DuplicateRoutesError) as raised:
        Router([first, third, second, fourth])

    assert ((first, second), (third, fourth)) == raised.value.pairs


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("orders", "it must begin with /"),
        ("/a//b", "it has an empty segment: write one / between segments"),
        ("/a/*/b", "'*': * may only stand alone, as the last segment"),
        ("/a*", "'a*': * may only stand alone, as the last segment"),
        ("/{a", "'{a' has a brace without its partner"),
        ("/{}", "'{}': a parameter needs a name, without *"),
        ("/{a}{b}", "'{a}{b}': there must be something between two parameters of one segment"),
        ("/{a}/{a}", "the parameter 'a' is there twice"),
        ("/a?b", "'a?b': a template ends before the query"),
        ("/..", "'..': the path climbs above the root"),
    ],
)
def test_a_template_that_cannot_be_understood_says_why(template: str, reason: str) -> None:
    with pytest.raises(TemplateError) as raised:
        router(f"GET {template}")

    assert (template, reason) == (raised.value.template, raised.value.reason)


def test_a_context_has_no_parameters() -> None:
    with pytest.raises(TemplateError, match="a context has no parameters"):
        router("GET /", context="/{tenant}")


@pytest.mark.parametrize("host", ["*", "a*.example.com", "api.example.com:8080", "", "a/b"])
def test_a_host_pattern_that_cannot_be_understood_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="is not a host pattern"):
        router("GET /", hosts=(host,))


# What is asked for again


def test_a_path_that_is_remembered_still_depends_on_method_and_host() -> None:
    routes = Router(
        [
            route("GET /orders/{id}"),
            route("POST /orders/{id}"),
            route("GET /orders/{id}", hosts=("api.example.com",)),
        ]
    )
    asked = [("GET", "a"), ("POST", "a"), ("GET", "api.example.com"), ("POST", "api.example.com"), ("PUT", "a")]
    first = [routes.match(method, host, "/orders/5") for method, host in asked]

    for _ in range(2):
        assert [routes.match(method, host, "/orders/5") for method, host in asked] == first
    assert len({str(found) for found in first}) == 5


def test_parameters_of_a_remembered_path_cannot_be_changed() -> None:
    routes = router("GET /orders/{id}")
    given = [parameters(routes, "GET /orders/5") for _ in range(3)]

    assert given == [{"id": "5"}] * 3
    with pytest.raises(TypeError):
        given[2]["id"] = "6"  # type: ignore[index]  # that is the point


def test_many_paths_and_long_ones_are_all_found() -> None:
    routes = router("GET /orders/{id}")

    for number in range(5000):
        assert parameters(routes, f"GET /orders/{number}") == {"id": str(number)}
    long = "x" * 5000
    assert [parameters(routes, f"GET /orders/{long}") for _ in range(2)] == [{"id": long}] * 2


# What nearly matched


def test_the_nearest_routes_say_why_they_do_not_match() -> None:
    routes = Router([route("POST /orders", "/shop"), route("GET /orders/{id}/items", "/shop"), route("GET /x", "/y")])

    found = near(routes, "GET", "localhost", "/shop/orders/5")

    assert [(candidate.route.label, candidate.reasons) for candidate in found] == [
        ("GET /shop/orders/{id}/items", ("the path ends where 'items' should follow",)),
        ("POST /shop/orders", ("the method is GET, not POST", "the path goes on with '5' where the template ends")),
    ]


def test_a_route_on_another_host_says_so() -> None:
    routes = router("GET /orders", hosts=("api.example.com",))

    assert [candidate.reasons for candidate in near(routes, "GET", "localhost:8080", "/orders")] == [
        ("the host is localhost, not api.example.com",)
    ]


def test_a_route_in_a_shorter_context_says_who_owns_the_path() -> None:
    routes = Router([route("GET /*", "/shop"), route("GET /items", "/shop/1.0")])

    assert (near(routes, "GET", "localhost", "/shop/1.0/x")[0].reasons) == (
        "the path belongs to the context /shop/1.0, which is more specific",
    )


def test_a_route_behind_a_more_specific_one_says_so() -> None:
    routes = router("GET /orders/{id}", "GET /orders/new")

    assert [
        (candidate.route.label, candidate.reasons) for candidate in near(routes, "GET", "localhost", "/orders/new")
    ] == [("GET /orders/{id}", ("an operation that is more specific comes first",))]


# Properties, on small alphabets so that routes and paths meet

HOSTS = ["a.test", "b.a.test", "c.b.a.test", "other.test"]
host_patterns = st.lists(
    st.sampled_from(["a.test", "b.a.test", "*.a.test", "*.b.a.test", "*.test"]), max_size=2, unique=True
).map(tuple)
contexts = st.lists(st.sampled_from("ab"), max_size=2).map(lambda segments: "/" + "/".join(segments))
templates = st.tuples(
    st.lists(st.sampled_from(["a", "b", "{p}", "{p}.a", "a{p}", "{p}.{q}"]), max_size=3),
    st.sampled_from(["", "/", "/*"]),
).map(lambda parts: _numbered(parts[0]) + parts[1] or "/")
methods = st.sampled_from(["GET", "POST", "HEAD", "*"])
routes_of_any_kind = st.builds(
    lambda hosts, context, method, template: Route(
        hosts, context, method, template, (hosts, context, method, template)
    ),
    host_patterns,
    contexts,
    methods,
    templates,
)
tables = st.lists(routes_of_any_kind, max_size=12)
paths = st.tuples(
    st.lists(st.sampled_from(["a", "b", "c", "a.a", "b.a", "ab.c", "%20"]), max_size=5), st.sampled_from(["", "/"])
).map(lambda parts: "".join(f"/{segment}" for segment in parts[0]) + parts[1] or "/")
requests = st.tuples(st.sampled_from(["GET", "POST", "HEAD", "PUT"]), st.sampled_from(HOSTS), paths)


def _numbered(segments: list[str]) -> str:
    return "".join(
        "/" + segment.replace("{p}", f"{{p{index}}}").replace("{q}", f"{{q{index}}}")
        for index, segment in enumerate(segments)
    )


def _distinct(routes: Iterable[Route]) -> list[Route]:
    """The routes without those that equal an earlier one."""
    kept: list[Route] = []
    for candidate in routes:
        try:
            Router([*kept, candidate])
        except DuplicateRoutesError:
            continue
        kept.append(candidate)
    return kept


class Naive:
    """What routing means, written down without regard to cost: rank every route, take the best."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes

    def match(self, method: str, host: str, path: str) -> object:
        segments = [segment for segment in path.split("/") if segment]
        places = [
            ((host_rank, -len(self._split(route.context))), route)
            for route in self.routes
            if (host_rank := self._host_rank(route, host)) is not None and self._is_under(segments, route.context)
        ]
        if not places:
            return None
        owner = min(rank for rank, _ in places)
        known = []
        for rank, route in places:
            if rank != owner:
                continue
            fit = self._fit(self._split(route.template), segments[-rank[1] :] if rank[1] else segments, path)
            if fit is not None:
                known.append((fit, route))
        takers = [
            (specificity, self._method_rank(route.method, method), route.target, values)
            for (specificity, values), route in known
            if self._method_rank(route.method, method) is not None
        ]
        if takers:
            best = min(takers, key=lambda taker: taker[:2])
            return best[2], best[3]
        if not known:
            return None
        verbs = {route.method for _, route in known}
        return sorted(verbs | ({"HEAD"} if "GET" in verbs else set()))

    @staticmethod
    def _split(path: str) -> list[str]:
        return [segment for segment in path.split("/") if segment]

    @staticmethod
    def _host_rank(route: Route, host: str) -> int | None:
        ranks = [] if route.hosts else [1000]
        for pattern in route.hosts:
            if pattern == host:
                ranks.append(0)
            elif pattern.startswith("*.") and host.endswith(pattern[1:]):
                ranks.append(500 - len(pattern))
        return min(ranks, default=None)

    def _is_under(self, segments: list[str], context: str) -> bool:
        prefix = self._split(context)
        return segments[: len(prefix)] == prefix

    @staticmethod
    def _method_rank(own: str, method: str) -> int | None:
        order = [method, "GET", "*"] if method == "HEAD" else [method, "*"]
        return order.index(own) if own in order else None

    def _fit(self, template: list[str], segments: list[str], path: str) -> tuple[list, dict[str, str]] | None:
        if not template:
            return ([(-1,)], {}) if not segments else None
        if template[0] == "*":
            rest = "/".join(segments) + ("/" if segments and path.endswith("/") else "")
            return [(3,)], {"*": rest}
        if not segments:
            return None
        one = self._segment(template[0], segments[0])
        others = self._fit(template[1:], segments[1:], path)
        if one is None or others is None:
            return None
        return [one[0], *others[0]], {**one[1], **others[1]}

    @staticmethod
    def _segment(pattern: str, segment: str) -> tuple[tuple, dict[str, str]] | None:
        """The rank of the segment (literal, mixed, parameter), and its values; all ways to split are tried."""
        pieces = [piece for part in pattern.split("{") for piece in part.split("}")]
        literals, names = pieces[::2], pieces[1::2]
        if not names:
            return ((0,), {}) if pattern == segment else None
        remaining = [segment[len(literals[0]) :]] if segment.startswith(literals[0]) else []
        ways: list[list[str]] = [[] for _ in remaining]
        for literal in literals[1:]:
            grown = [
                ([*way, left[:size]], left[size + len(literal) :])
                for way, left in zip(ways, remaining, strict=True)
                for size in range(1, len(left) + 1)
                if left[size:].startswith(literal)
            ]
            ways, remaining = [way for way, _ in grown], [left for _, left in grown]
        whole = [way for way, left in zip(ways, remaining, strict=True) if not left]
        if not whole:
            return None
        shortest = min(whole, key=lambda way: [len(value) for value in way])
        values = {name: unquote(value) for name, value in zip(names, shortest, strict=True)}
        if len(names) == 1 and literals == ["", ""]:
            return (2,), values
        return (1, -sum(map(len, literals)), len(literals), tuple(literals)), values


def _comparable(found: object) -> object:
    if isinstance(found, NotAllowed):
        return list(found.allowed)
    return None if found is None else (found[0], dict(found[1]))


@given(tables, st.lists(requests, min_size=1, max_size=8))
def test_the_router_agrees_with_a_naive_matcher(routes: list[Route], asked: list[tuple[str, str, str]]) -> None:
    distinct = _distinct(routes)
    fast, naive = Router(distinct), Naive(distinct)

    for request in asked:
        assert naive.match(*request) == _comparable(fast.match(*request))


@given(tables, st.lists(requests, min_size=1, max_size=8), st.randoms())
def test_the_order_of_routes_does_not_matter(
    routes: list[Route], asked: list[tuple[str, str, str]], chance: random.Random
) -> None:
    distinct = _distinct(routes)
    shuffled = chance.sample(distinct, len(distinct))

    for request in asked:
        assert Router(distinct).match(*request) == Router(shuffled).match(*request)


@given(tables, host_patterns, contexts, st.lists(st.tuples(methods, templates), max_size=5), requests)
def test_adding_an_api_changes_no_match_outside_its_host_and_context(
    routes: list[Route],
    hosts: tuple[str, ...],
    context: str,
    operations: list[tuple[str, str]],
    request: tuple[str, str, str],
) -> None:
    before = _distinct(candidate for candidate in routes if (candidate.hosts, candidate.context) != (hosts, context))
    added = [Route(hosts, context, method, template, ("added", method, template)) for method, template in operations]
    after = Router(_distinct([*before, *added]))
    was, now = Router(before).match(*request), after.match(*request)

    if now != was:
        assert any(Naive._host_rank(route, request[1]) is not None for route in added)
        assert (request[2] + "/").startswith(context.rstrip("/") + "/")
        own = now is None or (now.targets if isinstance(now, NotAllowed) else now[:1])
        assert own is True or any(target[0] == "added" for target in own)


@given(tables, requests)
def test_allow_names_exactly_the_methods_that_match(routes: list[Route], request: tuple[str, str, str]) -> None:
    table = Router(_distinct(routes))
    found = table.match(*request)

    if isinstance(found, NotAllowed):
        tried = ["GET", "POST", "HEAD", "PUT", "DELETE"]
        assert list(found.allowed) == sorted(
            method for method in tried if isinstance(table.match(method, *request[1:]), tuple)
        )


spellings = st.lists(st.sampled_from(["a", "%61", "%7E", "~", "%c3%a9", "%C3%A9", "é", "%2d"]), min_size=1, max_size=5)


@given(spellings)
def test_a_template_matches_its_own_text_in_whatever_spelling_of_escapes(characters: list[str]) -> None:
    text = "".join(characters)
    routes = router(f"GET /{text}", f"GET /x/{{p}}{text}")

    assert target(routes, f"GET {canonical_path('/' + text)}") == f"GET /{text}"
    assert target(routes, f"GET {canonical_path('/x/y' + text)}") == f"GET /x/{{p}}{text}"
