"""Headers are removed from the message of the flow."""

from __future__ import annotations

import pytest
from apim_mediation.remove_header import RemoveHeader
from apim_sdk.testing import build, call, make_exchange, make_response


def test_every_field_of_the_name_goes() -> None:
    exchange = make_exchange(headers=[("x-tier", "a"), ("Accept", "*/*"), ("X-TIER", "b")])

    call(build(RemoveHeader, {"name": "X-Tier"}), exchange)

    assert [("Accept", "*/*")] == list(exchange.request.headers.items())


@pytest.mark.parametrize("flow", ["response", "fault"])
def test_the_answer_loses_the_header_in_a_flow_on_the_way_back(flow: str) -> None:
    exchange = make_exchange(headers={"Server": "x"}, response=make_response(headers={"Server": "nginx", "A": "b"}))

    call(build(RemoveHeader), exchange, flow=flow)

    assert exchange.response is not None
    assert [("A", "b")] == list(exchange.response.headers.items())
    assert [("Server", "x")] == list(exchange.request.headers.items())


def test_several_names_can_be_given() -> None:
    exchange = make_exchange(headers={"A": "1", "B": "2", "C": "3"})

    call(build(RemoveHeader, {"name": "A", "names": ["C"]}), exchange)

    assert [("B", "2")] == list(exchange.request.headers.items())


def test_a_star_at_the_end_stands_for_any_rest() -> None:
    exchange = make_exchange(headers={"X-Internal-Id": "1", "x-internal-user": "2", "X-Intern": "3"})

    call(build(RemoveHeader, {"name": "X-Internal-*"}), exchange)

    assert [("X-Intern", "3")] == list(exchange.request.headers.items())


def test_a_header_that_is_not_there_is_no_error() -> None:
    assert 200 == call(build(RemoveHeader), make_exchange()).status


def test_it_must_be_said_what_to_remove() -> None:
    with pytest.raises(Exception, match="say what to remove"):
        build(RemoveHeader, {})


@pytest.mark.parametrize("name", ["Content-Length", "Connection", "*", "X Y", "X-*-Y"])
def test_a_name_that_cannot_be_removed_is_refused(name: str) -> None:
    with pytest.raises(Exception, match=r"belongs to the connection|is not a header name|`\*` stands at the end"):
        build(RemoveHeader, {"names": [name]})
