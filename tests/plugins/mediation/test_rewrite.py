"""The endpoint gets another path or query than the client sent."""

from __future__ import annotations

from typing import Any

import pytest
from apim_mediation.rewrite import Rewrite
from apim_sdk import Exchange
from apim_sdk.testing import build, call, make_exchange


def rewritten(settings: dict[str, Any], exchange: Exchange) -> str:
    call(build(Rewrite, settings), exchange)
    query = exchange.request.query_string
    return f"{exchange.endpoint_path}?{query}" if query else exchange.endpoint_path


def test_the_path_is_replaced_and_the_query_stays() -> None:
    assert "/v2/items?x=%2F" == rewritten({"path": "/v2/items"}, make_exchange("GET /items?x=%2F"))


def test_the_path_may_hold_expressions() -> None:
    exchange = make_exchange("GET /orders/7", path_parameters={"id": "7"})

    assert "/v2/orders/7" == rewritten({"path": "/v2/orders/{{ path.id }}"}, exchange)


def test_the_path_that_policies_and_records_see_stays() -> None:
    exchange = make_exchange("GET /items")

    call(build(Rewrite, {"path": "/v2"}), exchange)

    assert "/items" == exchange.request.path


def test_the_query_is_replaced() -> None:
    assert "/items?page=1" == rewritten({"query": "page=1"}, make_exchange("GET /items?x=1"))


def test_an_empty_query_sends_none() -> None:
    assert "/items" == rewritten({"query": ""}, make_exchange("GET /items?x=1"))


def test_both_see_what_the_client_sent() -> None:
    settings = {"path": "/search/{{ request.query.q }}", "query": "from={{ request.path }}"}

    assert "/search/tea?from=/find" == rewritten(settings, make_exchange("GET /find?q=tea"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a?admin=1", "/a%3Fadmin=1"),
        ("a#b", "/a%23b"),
        ("a b", "/a%20b"),
        ("a\r\nX-Evil: 1", "/a%0D%0AX-Evil:%201"),
        ("é", "/%C3%A9"),
        ("%2e%2e", "/%2e%2e"),
    ],
)
def test_a_value_cannot_end_the_path(value: str, expected: str) -> None:
    exchange = make_exchange(variables={"value": value})

    assert expected == rewritten({"path": "/{{ variables.value }}"}, exchange)


@pytest.mark.parametrize(("value", "expected"), [("a#b", "/?x=a%23b"), ("a b\n", "/?x=a%20b%0A"), ("é", "/?x=%C3%A9")])
def test_a_value_cannot_end_the_query(value: str, expected: str) -> None:
    exchange = make_exchange(variables={"value": value})

    assert expected == rewritten({"query": "x={{ variables.value }}"}, exchange)


def test_a_path_out_of_a_value_begins_with_a_slash() -> None:
    assert "/a" == rewritten({"path": "{{ variables.value }}"}, make_exchange(variables={"value": "a"}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "say what to rewrite"),
        ({"path": "v2"}, "must begin with '/'"),
        ({"path": "/v2?x=1"}, "the query stands under `query`"),
    ],
)
def test_settings_that_make_no_target_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(Rewrite, settings)
