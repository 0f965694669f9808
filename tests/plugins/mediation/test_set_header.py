"""A header is set on the message of the flow."""

from __future__ import annotations

import pytest
from apim_mediation.set_header import SetHeader
from apim_sdk import Headers
from apim_sdk.testing import build, call, make_exchange, make_response


def items(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.items())


def test_the_request_gets_the_header_in_a_request_flow() -> None:
    outcome = call(build(SetHeader, {"name": "X-Tier", "value": "gold"}), make_exchange())

    assert "gold" == outcome.exchange.request.headers["X-Tier"]


@pytest.mark.parametrize("flow", ["response", "fault"])
def test_the_answer_gets_the_header_in_a_flow_on_the_way_back(flow: str) -> None:
    exchange = make_exchange(response=make_response())

    call(build(SetHeader, {"name": "X-Tier", "value": "gold"}), exchange, flow=flow)

    assert exchange.response is not None
    assert [("X-Tier", "gold")] == items(exchange.response.headers)


def test_the_value_may_hold_expressions() -> None:
    outcome = call(build(SetHeader, {"name": "X-Path", "value": "<{{ request.path }}>"}), make_exchange("GET /a"))

    assert "</a>" == outcome.exchange.request.headers["X-Path"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("set", [("X-Tier", "gold"), ("Accept", "*/*")]),
        ("add", [("x-tier", "a"), ("Accept", "*/*"), ("X-TIER", "b"), ("X-Tier", "gold")]),
        ("if-absent", [("x-tier", "a"), ("Accept", "*/*"), ("X-TIER", "b")]),
    ],
)
def test_the_mode_says_what_becomes_of_fields_that_are_there(mode: str, expected: list[tuple[str, str]]) -> None:
    exchange = make_exchange(headers=[("x-tier", "a"), ("Accept", "*/*"), ("X-TIER", "b")])

    call(build(SetHeader, {"name": "X-Tier", "value": "gold", "mode": mode}), exchange)

    assert expected == items(exchange.request.headers)


@pytest.mark.parametrize("mode", ["set", "add", "if-absent"])
def test_in_every_mode_an_absent_header_is_set(mode: str) -> None:
    exchange = make_exchange()

    call(build(SetHeader, {"name": "X-Tier", "value": "gold", "mode": mode}), exchange)

    assert [("X-Tier", "gold")] == items(exchange.request.headers)


def test_a_value_cannot_smuggle_another_header_in() -> None:
    policy = build(SetHeader, {"name": "X-Path", "value": "{{ variables.evil }}"})

    with pytest.raises(ValueError, match="line breaks"):
        call(policy, make_exchange(variables={"evil": "a\r\nX-Admin: yes"}))


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection"])
def test_headers_of_the_connection_cannot_be_set(name: str) -> None:
    with pytest.raises(Exception, match="belongs to the connection"):
        build(SetHeader, {"name": name, "value": "1"})


def test_what_is_no_header_name_is_refused() -> None:
    with pytest.raises(Exception, match="is not a header name"):
        build(SetHeader, {"name": "X Tier", "value": "1"})
