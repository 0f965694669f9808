"""Threat class 3: smuggling through Upgrade, h2c upgrade, pipelined bytes after a failed upgrade."""

import pytest
from support.wire import serving

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def upgrade(protocol, *fields, method=b"GET", body=b""):
    lines = b"".join(field + b"\r\n" for field in fields)
    head = b"%b /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n" % (
        method,
        protocol,
    )
    return head + lines + b"\r\n" + body


@pytest.fixture
def served():
    with serving() as served:
        yield served


@pytest.mark.parametrize("protocol", [b"h2c", b"H2C", b"h2c, websocket", b"websocket, h2c", b"TLS/1.0", b"h2"])
def test_no_protocol_but_websocket_reaches_the_backend(served, protocol):
    served.exchange(upgrade(protocol, b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"))
    (seen,) = served.seen
    assert (("Host", "a"),) == seen.headers


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"anything"])
@pytest.mark.parametrize("behind", [SMUGGLED, PREFACE, b"\x81\x05hello" + SMUGGLED])
def test_bytes_behind_a_refused_upgrade_are_never_a_request(served, protocol, behind):
    answer = served.exchange(upgrade(protocol) + behind)
    assert 1 == answer.count(b"HTTP/1.1 ")
    assert ["/first"] == [seen.path for seen in served.seen]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_nor_are_those_that_come_later(served, protocol):
    with served.connect() as client:
        client.sendall(upgrade(protocol))
        answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        try:
            client.sendall(SMUGGLED)
            answer = client.recv(65536)
        except ConnectionError:
            answer = b""
        assert b"" == answer
    assert ["/first"] == [seen.path for seen in served.seen]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_the_body_of_an_upgrade_request_is_a_body(served, protocol):
    body = SMUGGLED
    served.exchange(upgrade(protocol, b"Content-Length: %d" % len(body), method=b"POST", body=body) + SMUGGLED)
    assert [("/first", body)] == [(seen.path, seen.body) for seen in served.seen]
    assert served.seen[0].header("Upgrade") is None


def test_a_chunked_body_hides_nothing_behind_an_upgrade(served):
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    served.exchange(upgrade(b"websocket", b"Transfer-Encoding: chunked", body=body) + SMUGGLED)
    assert [("/first", SMUGGLED)] == [(seen.path, seen.body) for seen in served.seen]
    assert served.seen[0].header("Upgrade") is None


def test_an_http_2_preface_is_refused(served):
    answer = served.exchange(PREFACE)
    assert answer[9:12] in (b"400", b"505", b"501")
    assert [] == served.seen


def test_upgrade_without_connection_is_no_upgrade(served):
    served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n")
    assert (("Host", "a"),) == served.seen[0].headers


def test_connect_opens_no_tunnel(served):
    answer = served.exchange(b"CONNECT internal:22 HTTP/1.1\r\nHost: internal:22\r\n\r\nSSH-2.0")
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert [] == served.seen
