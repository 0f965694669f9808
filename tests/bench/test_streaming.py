"""The client and the backend for large bodies, over real sockets."""

import attrs

from bench.requests import request
from bench.streaming import Transfer, content_length, sink, upload

MEBIBYTE = 1 << 20


def test_a_content_length_is_found_by_any_case_of_its_name():
    assert 42 == content_length(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 42\r\nServer: x")


def test_a_head_without_a_length_announces_no_body():
    assert 0 == content_length(b"HTTP/1.1 204 No Content\r\nServer: x")


def test_the_sink_counts_what_it_reads_and_then_answers():
    head = request("/", method="POST", headers=(("Content-Length", str(3 * MEBIBYTE)),))
    with sink() as backend:
        done = upload(backend.port, head, 3 * MEBIBYTE)
        assert [3 * MEBIBYTE] == backend.received
    assert Transfer(200, 3 * MEBIBYTE, 0.0) == attrs.evolve(done, seconds=0.0)
