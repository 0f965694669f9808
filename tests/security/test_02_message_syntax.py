"""Threat class 2: chunk extensions, bare LF, obs-fold, trailers, Unicode digits, whitespace before the colon."""

import pytest
from support.wire import serving

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def served():
    with serving() as served:
        yield served


HEADS = {
    "bare LF behind the request line": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "bare LF behind a field": b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "only bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare CR in a field": b"GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: 1\r\n\r\n",
    "bare CR in the request line": b"GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n",
    "folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "folded line with a tab": b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n",
    "folded first line": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "folded empty line": b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
    "tab before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX\t: y\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n",
    "bell in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x07b\r\n\r\n",
    "delete in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
    "vertical tab in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x0bb\r\n\r\n",
    "Latin-1 in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX\xe9: b\r\n\r\n",
    "bracket in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX[: b\r\n\r\n",
    "two spaces in the request line": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "two spaces before the version": b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    "CR in front of the request line": b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "LF in front of the request line": b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "space in front of the request line": b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "tab in the request line": b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "space behind the version": b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "lower-case version": b"GET / http/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\nHost: a\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "version with more digits": b"GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    "version with a leading zero": b"GET / HTTP/01.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("attack", HEADS.values(), ids=HEADS.keys())
def test_a_malformed_head_never_reaches_the_backend(served, attack):
    served.seen.clear()
    answer = served.exchange(attack + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert 1 == answer.count(b"HTTP/1.1 ")
    assert [] == served.seen


@pytest.mark.parametrize(("version", "status"), [(b"2.0", 505), (b"1.2", 505), (b"0.9", 505), (b"3.7", 505)])
def test_other_versions_are_refused(served, version, status):
    served.seen.clear()
    answer = served.exchange(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert [] == served.seen


@pytest.mark.parametrize("method", [b"FOO", b"CONNECT", b"get", b"TRACK"])
def test_methods_that_nobody_knows_are_refused(served, method):
    answer = served.exchange(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 501 ")


CHUNKS = {
    "size ends with a bare LF": b"5\nhello\r\n0\r\n\r\n",
    "extension ends with a bare LF": b"5;\nhello\r\n0\r\n\r\n",
    "extension that hides a bare LF": b"2;a\nxx\r\n50\r\n0\r\n\r\n" + SMUGGLED,
    "extension that hides a bare CR": b"2;a\rxx\r\n0\r\n\r\n",
    "data ends with a bare LF": b"5\r\nhello\n0\r\n\r\n",
    "data longer than its size": b"3\r\nhello\r\n0\r\n\r\n",
    "data shorter than its size": b"7\r\nhello\r\n0\r\n\r\n",
    "two bytes of any kind behind the data": b"5\r\nhelloXX0\r\n\r\n",
    "size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "size with white space": b"5 \r\nhello\r\n0\r\n\r\n",
    "size behind white space": b" 5\r\nhello\r\n0\r\n\r\n",
    "Unicode size": "\u0665\r\nhello\r\n0\r\n\r\n".encode(),
    "size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "malformed extension": b"5;=\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "end without an empty line": b"0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    "trailer with a bare LF": b"0\r\nX: y\nZ: 1\r\n\r\n",
    "folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "trailer with a space before the colon": b"0\r\nX : y\r\n\r\n",
    "trailer that frames": b"0\r\nContent-Length: 50\r\n\r\n",
    "trailer that routes": b"0\r\nHost: internal\r\n\r\n",
    "trailer that authorizes": b"0\r\nAuthorization: Bearer x\r\n\r\n",
}


@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS.keys())
@pytest.mark.parametrize("together", [True, False], ids=["with the head", "behind the head"])
def test_a_malformed_chunked_body_is_never_taken_for_whole(served, body, together):
    served.seen.clear()
    with served.connect() as client:
        if together:
            client.sendall(CHUNKED + body + SMUGGLED)
        else:
            client.sendall(CHUNKED)
            client.sendall(body + SMUGGLED)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert 1 == answer.count(b"HTTP/1.1 ")
    assert [None] == [seen.body for seen in served.seen]


def test_trailers_never_become_headers(served):
    served.seen.clear()
    body = b"2\r\nhi\r\n0\r\nX-Admin: true\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
    served.exchange(CHUNKED.replace(b"\r\n\r\n", b"\r\nTrailer: X-Admin\r\nConnection: close\r\n\r\n") + body)
    (seen,) = served.seen
    assert b"hi" == seen.body
    assert (("Host", "a"),) == seen.headers


def test_chunk_extensions_are_read_over(served):
    served.seen.clear()
    body = b'2;a;b=c;d="\\"e;\r\n'[:-2] + b'"\r\nhi\r\n0;last\r\n\r\n'
    served.exchange(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
    assert [b"hi"] == [seen.body for seen in served.seen]


def test_many_small_extensions_are_bounded(served):
    served.seen.clear()
    answer = served.exchange(CHUNKED + b"1;a=b\r\nx\r\n" * 2000)
    assert answer.startswith(b"HTTP/1.1 400 ")
