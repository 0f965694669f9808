"""Which web pages of other origins may call."""

from __future__ import annotations

from typing import Any

import pytest
from apim_mediation.cors import CORS
from apim_sdk import Exchange
from apim_sdk.errors import CORS_PREFLIGHT_FAILED
from apim_sdk.testing import Answer, FakeEndpoint, Outcome, build, call, make_exchange, make_response

SHOP = "https://shop.example"


def preflight(settings: dict[str, Any], origin: str = SHOP, method: str = "GET", headers: str | None = None) -> Outcome:
    fields = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers is not None:
        fields["Access-Control-Request-Headers"] = headers
    return call(build(CORS, settings), make_exchange("OPTIONS /orders", fields), flow="entry")


def answered(settings: dict[str, Any], exchange: Exchange, headers: dict[str, str] | None = None) -> dict[str, str]:
    endpoint = FakeEndpoint(Answer(200, headers or {}))
    outcome = call(build(CORS, settings), exchange, flow="entry", endpoint=endpoint)
    assert outcome.response is not None
    return dict(outcome.response.headers.items())


def test_a_preflight_request_is_answered_without_the_endpoint() -> None:
    outcome = preflight(
        {
            "origins": [SHOP],
            "methods": ["GET", "PUT"],
            "allow_headers": ["Content-Type"],
            "credentials": True,
            "max_age": "10m",
        },
        method="PUT",
        headers="content-type",
    )

    assert outcome.response is not None
    assert (200, b"", False) == (outcome.status, outcome.body, outcome.reached_endpoint)
    assert [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", SHOP),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Max-Age", "600"),
        ("Access-Control-Allow-Methods", "GET, PUT"),
        ("Access-Control-Allow-Headers", "Content-Type"),
    ] == list(outcome.response.headers.items())


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"origin": "https://evil.example"}, "the origin 'https://evil.example' may not call"),
        ({"origin": "https://shop.example.evil"}, "the origin 'https://shop.example.evil' may not call"),
        ({"origin": "http://shop.example"}, "the origin 'http://shop.example' may not call"),
        ({"origin": "null"}, "the origin 'null' may not call"),
        ({"method": "DELETE"}, "pages may not use the method 'DELETE'"),
        ({"headers": "X-A, content-type, X-B"}, "pages may not set X-A, X-B"),
    ],
)
def test_a_preflight_request_for_more_than_is_allowed_is_refused(asked: dict[str, str], reason: str) -> None:
    fault = preflight({"origins": [SHOP], "methods": ["GET"], "allow_headers": ["Content-Type"]}, **asked).fault

    assert fault is not None
    assert (CORS_PREFLIGHT_FAILED, reason) == (fault.kind, fault.detail)
    assert {"Vary": "Origin"} == fault.headers


@pytest.mark.parametrize("missing", ["Origin", "Access-Control-Request-Method"])
def test_any_other_options_request_goes_on(missing: str) -> None:
    fields = {"Origin": SHOP, "Access-Control-Request-Method": "GET"}
    del fields[missing]

    outcome = call(build(CORS, {"origins": [SHOP]}), make_exchange("OPTIONS /", fields), flow="entry")

    assert outcome.reached_endpoint


def test_an_answer_names_the_origin_that_may_see_it() -> None:
    settings = {"origins": [SHOP], "credentials": True, "expose_headers": ["X-Total", "X-Page"]}

    assert {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "X-Total, X-Page",
    } == answered(settings, make_exchange(headers={"Origin": SHOP}))


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}])
def test_an_answer_to_others_only_says_that_it_depends_on_the_origin(headers: dict[str, str]) -> None:
    settings = {"origins": [SHOP], "credentials": True, "expose_headers": ["X-Total"]}

    assert {"Vary": "Origin"} == answered(settings, make_exchange(headers=headers))


def test_what_the_endpoint_says_of_cors_is_removed() -> None:
    headers = {"Access-Control-Allow-Origin": "*", "access-control-allow-credentials": "true", "X-Total": "3"}
    exchange = make_exchange(headers={"Origin": "https://evil.example"})

    assert {"X-Total": "3", "Vary": "Origin"} == answered({"origins": [SHOP]}, exchange, headers)


def test_what_the_endpoint_says_of_caching_stays() -> None:
    exchange = make_exchange(headers={"Origin": SHOP})
    endpoint = FakeEndpoint(Answer(200, {"Vary": "Accept"}))

    response = call(build(CORS, {"origins": [SHOP]}), exchange, flow="entry", endpoint=endpoint).response

    assert response is not None
    assert ("Accept", "Origin") == response.headers.get_all("Vary")


def test_the_answer_to_a_fault_is_marked_too() -> None:
    exchange = make_exchange(headers={"Origin": SHOP}, response=make_response(401))

    build(CORS, {"origins": [SHOP]}).after(exchange)

    assert exchange.response is not None
    assert SHOP == exchange.response.headers["Access-Control-Allow-Origin"]


def test_all_origins_are_allowed_with_a_star_for_which_caches_need_not_vary() -> None:
    assert {"Access-Control-Allow-Origin": "*"} == answered({"origins": ["*"]}, make_exchange(headers={"Origin": SHOP}))


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://a.shop.example", 200),
        ("https://a.shop.example.evil", 400),
        ("https://evil/?https://a.shop.example", 400),
        ("https://ashop.example", 400),
    ],
)
def test_a_pattern_matches_an_origin_as_a_whole(origin: str, expected: int) -> None:
    assert expected == preflight({"origin_patterns": [r"https://[a-z]+\.shop\.example"]}, origin).status


def test_a_star_for_methods_and_headers_grants_what_is_wanted_by_its_name() -> None:
    settings = {"origins": [SHOP], "credentials": True, "methods": ["*"], "allow_headers": ["*"]}

    response = preflight(settings, method="PURGE", headers="x-a,X-B").response

    assert response is not None
    assert ("PURGE", "x-a, X-B") == (
        response.headers["Access-Control-Allow-Methods"],
        response.headers["Access-Control-Allow-Headers"],
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "say which origins may call"),
        ({"origins": ["*"], "credentials": True}, "name the origins"),
        ({"origins": ["https://shop.example/"]}, "is no origin"),
        ({"origins": ["shop.example"]}, "is no origin"),
        ({"origins": ["https://*.shop.example/x"]}, "is no origin"),
    ],
)
def test_settings_that_protect_nobody_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(CORS, settings)
