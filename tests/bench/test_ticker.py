"""Telling events that waited in a buffer from those that went on at once."""

import pytest

from bench.requests import request
from bench.rows.events import REQUESTS, judge
from bench.ticker import EVENTS, Arrival, held_back, listen, ticker, websocket_head


def test_an_event_that_arrives_before_the_next_is_sent_was_not_held_back():
    assert 0 == held_back((Arrival(0, 40), Arrival(50, 90), Arrival(100, 400)))


def test_an_event_that_arrives_with_the_next_was_held_back():
    assert 1 == held_back((Arrival(0, 60), Arrival(50, 60), Arrival(100, 110)))


def test_the_accept_key_is_that_of_the_example_in_rfc_6455():
    answer = websocket_head(REQUESTS[1][1])
    assert answer is not None
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


def test_a_request_for_something_else_is_no_websocket():
    assert websocket_head(request("/")) is None


def test_a_key_without_an_upgrade_is_no_websocket():
    assert websocket_head(REQUESTS[1][1].replace(b"Upgrade: websocket\r\n", b"")) is None


def test_every_event_of_both_kinds_arrives_directly():
    with ticker() as port:
        for _, head, status in REQUESTS:
            arrivals = listen(port, head, status)
            assert EVENTS == len(arrivals)
            assert all(arrival.arrived >= arrival.sent for arrival in arrivals)


def test_events_instead_of_a_websocket_are_an_error():
    with ticker() as port, pytest.raises(ConnectionError, match="expected status 101"):
        listen(port, request("/"), 101)


def test_events_that_never_come_are_counted_as_lost():
    (lost,) = judge("apim", (), 0)
    assert EVENTS == lost.value
    assert lost.holds is False
