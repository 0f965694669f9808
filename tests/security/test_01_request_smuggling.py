"""Threat class 1: CL.TE, TE.CL, TE.TE, duplicate or differing Content-Length.

Each attack goes over a socket to the server; a handler behind it records what a backend would get. Either the backend
sees exactly one request with the body that every party agrees on, or the attack is answered 400 and the connection
closed.
"""

import pytest
from support.wire import serving

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def post(*fields, body=b""):
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"POST /orders HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n" + body


REFUSED = {
    "CL.TE": post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
    "TE.CL": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"5c\r\n" + SMUGGLED),
    "CL and TE that agree": post(b"Content-Length: 15", b"Transfer-Encoding: chunked", body=CHUNKS),
    "CL.TE with other case": post(b"content-length: 6", b"TRANSFER-ENCODING: CHUNKED", body=b"0\r\n\r\nG"),
    "CL of 0 and TE": post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=CHUNKS),
    "differing CL": post(b"Content-Length: 5", b"Content-Length: 50", body=b"hello"),
    "equal CL twice": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "CL list": post(b"Content-Length: 5, 5", body=b"hello"),
    "CL list that differs": post(b"Content-Length: 5, 50", body=b"hello"),
    "CL with a sign": post(b"Content-Length: +5", body=b"hello"),
    "negative CL": post(b"Content-Length: -5", body=b"hello"),
    "hexadecimal CL": post(b"Content-Length: 0x5", body=b"hello"),
    "CL with an underscore": post(b"Content-Length: 1_0", body=b"hello"),
    "CL with a space inside": post(b"Content-Length: 1 0", body=b"hello"),
    "empty CL": post(b"Content-Length: ", body=b"hello"),
    "CL beyond 64 bits": post(b"Content-Length: 18446744073709551621", body=b"hello"),
    "CL with Unicode digits": post("Content-Length: \u0665".encode(), body=b"hello"),
    "CL with a Latin-1 digit": post(b"Content-Length: \xb2", body=b"hi"),
    "two TE": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS),
    "TE and obfuscated TE": post(b"Transfer-Encoding: chunked", b"Transfer-encoding: cow", body=CHUNKS),
    "TE x": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "TE chunked twice": post(b"Transfer-Encoding: chunked, chunked", body=CHUNKS),
    "TE identity": post(b"Transfer-Encoding: identity", body=CHUNKS),
    "TE chunked not last": post(b"Transfer-Encoding: chunked, gzip", body=CHUNKS),
    "TE with a parameter": post(b"Transfer-Encoding: chunked;q=1", body=CHUNKS),
    "TE with vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=CHUNKS),
    "TE with NUL": post(b"Transfer-Encoding: chunked\x00", body=CHUNKS),
    "TE quoted": post(b'Transfer-Encoding: "chunked"', body=CHUNKS),
    "TE with a comma in front": post(b"Transfer-Encoding: ,chunked", body=CHUNKS),
    "space before the colon of TE": post(b"Transfer-Encoding : chunked", body=CHUNKS),
    "space before the colon of CL": post(b"Content-Length : 5", body=b"hello"),
    "folded TE": post(b"X: y", b" Transfer-Encoding: chunked", body=CHUNKS),
    "TE behind a bare line feed": post(b"X: y\nTransfer-Encoding: chunked", body=CHUNKS),
    "TE behind a bare carriage return": post(b"X: y\rTransfer-Encoding: chunked", body=CHUNKS),
    "folded value of TE": post(b"Transfer-Encoding:\r\n chunked", body=CHUNKS),
    "TE in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "underscore alias of CL": post(b"Content_Length: 5", body=b"hello"),
    "underscore alias of TE": post(b"Transfer_Encoding: chunked", body=CHUNKS),
}


@pytest.fixture(scope="module")
def served():
    with serving() as served:
        yield served


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED.keys())
def test_an_ambiguous_request_never_reaches_the_backend(served, attack):
    served.seen.clear()
    answer = served.exchange(attack + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert 1 == answer.count(b"HTTP/1.1 ")
    assert [] == served.seen


@pytest.mark.parametrize("attack", REFUSED.values(), ids=REFUSED.keys())
def test_nor_does_it_after_a_valid_request_on_the_same_connection(served, attack):
    served.seen.clear()
    answer = served.exchange(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + attack + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert 1 == answer.count(b"HTTP/1.1 400 ")
    assert ["/first"] == [seen.path for seen in served.seen]


@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (post(b"Content-Length: 5", body=b"hello"), b"hello"),
        (post(b"Content-Length:   5  ", body=b"hello"), b"hello"),
        (post(b"Content-Length: 005", body=b"hello"), b"hello"),
        (post(b"Transfer-Encoding: Chunked", body=CHUNKS), b"hello"),
        (post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED), SMUGGLED),
        (post(b"Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)), SMUGGLED),
    ],
)
def test_a_clear_request_is_one_request(served, request_bytes, body):
    served.seen.clear()
    last = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    served.exchange(request_bytes + last)
    assert [("/orders", body), ("/last", b"")] == [(seen.path, seen.body) for seen in served.seen]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE", b"OPTIONS"])
def test_a_body_on_a_method_that_seldom_has_one_is_still_a_body(served, method):
    served.seen.clear()
    attack = post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED).replace(b"POST", method, 1)
    served.exchange(attack + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert ["/orders", "/last"] == [seen.path for seen in served.seen]
