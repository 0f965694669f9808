"""Threat class 24, as far as the server goes: huge heads, many headers, hash flooding, floods of requests."""

import time

import pytest
from support.wire import drive, serving

HUGE = {
    "a huge request line": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a huge header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", 431),
    "a huge header name": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X" * 1_000_000 + b": y\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", 431),
    "many short headers": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X:\r\n" * 1000 + b"\r\n", 431),
    "a huge declared body": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999\r\n\r\n", 413),
    "a huge chunk extension": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 1_000_000,
        400,
    ),
    "huge trailers": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100_000,
        431,
    ),
    "a head that never ends": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: yyyyyyyyyyyyyyyyyyy\r\n" * 100_000, 431),
    "a line that never ends": (b"A" * 1_000_000, 414),
    "endless empty lines and then nothing": (b"\r\n" * 10 + b"A" * 1_000_000, 414),
}


@pytest.mark.parametrize(("attack", "status"), HUGE.values(), ids=HUGE.keys())
def test_what_is_too_large_is_refused(attack, status):
    with serving() as served:
        answer = served.exchange(attack)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert all(seen.body is None for seen in served.seen)


def test_header_names_made_to_collide_cost_no_more_than_others():
    # Python's hash of bytes is keyed afresh in each process, so equal-length names are the worst that can be made.
    alike = b"".join(b"X-%05d: y\r\n" % number for number in range(95))
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + alike + b"\r\n"
    started = time.process_time()
    outcome = drive([head] * 200)
    assert [200] * 200 == outcome.statuses
    assert time.process_time() - started < 5


def test_a_flood_of_empty_lines_costs_little():
    with serving() as served:
        started = time.process_time()
        served.exchange(b"\r\n" * 500_000 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert ["/"] == [seen.path for seen in served.seen]
        assert time.process_time() - started < 5


def test_one_byte_segments_cost_little():
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 8000 + b"\r\n\r\n"
    started = time.process_time()
    assert [200] == drive([bytes((byte,)) for byte in head]).statuses
    assert time.process_time() - started < 5


def test_one_byte_chunks_cost_little():
    body = b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"
    started = time.process_time()
    outcome = drive([b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body])
    assert [b"x" * 50_000] == [seen.body for seen in outcome.seen]
    assert time.process_time() - started < 5
