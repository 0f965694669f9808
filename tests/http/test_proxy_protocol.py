import asyncio
import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from apim_sdk import Response
from hypothesis import given
from hypothesis import strategies as st
from support.wire import is_cut, read_answer, serving

from apim_core.http.proxy_protocol import InvalidProxyHeader, parse_proxy_header, receive_proxy_header
from apim_core.http.settings import ServerSettings, TimeoutSettings

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def v2(command, family, payload):
    return SIGNATURE + struct.pack("!BBH", command, family, len(payload)) + payload


V4 = v2(0x21, 0x11, bytes((192, 168, 1, 10, 192, 168, 1, 1)) + struct.pack("!HH", 12345, 443))
V6 = v2(0x21, 0x21, IPv6Address("2001:db8::1").packed + IPv6Address("::1").packed + struct.pack("!HH", 5, 443))
HEADERS = {
    b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n": (IPv4Address("192.168.0.1"), 56324),
    b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n": (IPv6Address("2001:db8::1"), 1),
    b"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 65535\r\n": (IPv4Address("1.2.3.4"), 1),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n": None,
    V4: (IPv4Address("192.168.1.10"), 12345),
    V4[:14] + struct.pack("!H", 20) + V4[16:] + b"\x04\x00\x05hello": (IPv4Address("192.168.1.10"), 12345),
    V6: (IPv6Address("2001:db8::1"), 5),
    v2(0x20, 0x00, b""): None,
    v2(0x20, 0x11, b"x" * 12): None,
    v2(0x21, 0x00, b"abc"): None,
}


@pytest.mark.parametrize(("header", "source"), HEADERS.items())
def test_a_header_names_the_client_byte_exactly(header, source):
    assert (len(header), source) == parse_proxy_header(header + GET)
    for cut in range(len(header)):
        assert parse_proxy_header(header[:cut]) is None


@pytest.mark.parametrize(
    "header",
    [b"GET / HTTP/1.1\r\n", b"PROXY TCP4 not-an-ip 1.2.3.4 1 2\r\n", b"PROXY TCP4 ::1 ::2 1 2\r\n",
     b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 65iii 2\r\n",
     b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
     b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
     b"PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", b"PROXY " + b"x" * 200,
     b"\r\n\r\n\x00\r\nQUIZ", v2(0x31, 0x11, b"x" * 12), v2(0x22, 0x11, b"x" * 12), v2(0x21, 0x11, b"x" * 11),
     v2(0x21, 0x12, b"x" * 12), v2(0x21, 0x31, b"x" * 216), v2(0x21, 0x11, b"x" * 5000)],
)  # fmt: skip
def test_a_wrong_header_is_refused(header):
    with pytest.raises(InvalidProxyHeader):
        parse_proxy_header(header)


@given(st.binary(max_size=80), st.sampled_from([b"", SIGNATURE, b"PROXY ", b"PROXY TCP4 "]))
def test_no_bytes_make_the_parser_crash(data, start):
    try:
        parsed = parse_proxy_header(start + data)
    except InvalidProxyHeader:
        return
    assert parsed is None or 0 < parsed[0] <= len(start + data)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_header_is_taken_off_the_socket_and_not_a_byte_more(header, step):
    async def run():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            receiving = asyncio.ensure_future(receive_proxy_header(ours))
            data = header + GET
            for place in range(0, len(data), step):
                theirs.sendall(data[place : place + step])
                await asyncio.sleep(0)
            source = await receiving
            return source, ours.recv(1000)

    assert (HEADERS[header], GET) == asyncio.run(run())


def behind(*networks, **timeouts):
    return ServerSettings(
        proxy_protocol=tuple(map(ip_network, networks)), timeouts=TimeoutSettings(**timeouts), name="test"
    )


@pytest.mark.parametrize("loop", [None, asyncio.new_event_loop])
@pytest.mark.parametrize(("header", "source"), HEADERS.items())
def test_a_balancer_speaks_for_its_client(header, source, loop):
    with serving(settings=behind("127.0.0.0/8"), loop_factory=loop) as served, served.connect() as client:
        client.sendall(header + GET)
        assert read_answer(client)[0] == 200
        (seen,) = served.seen
        expected = (IPv4Address("127.0.0.1"), client.getsockname()[1]) if source is None else source
        assert expected == (seen.client.address, seen.client.port)
        assert not seen.client.trusted


def test_a_balancer_must_send_a_header():
    with serving(settings=behind("127.0.0.0/8")) as served:
        with served.connect() as client:
            client.sendall(GET)
            assert is_cut(client)
        assert served.seen == []
        assert served.server.counters["failed_handshakes"] == 1


def test_a_balancer_must_send_it_in_time():
    with serving(settings=behind("127.0.0.0/8", handshake=0.05)) as served, served.connect() as client:
        client.sendall(b"PROXY TC")
        assert is_cut(client)


def test_another_peer_may_not_send_a_header():
    with serving(settings=behind("10.0.0.0/8")) as served:
        assert served.exchange(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET).startswith(b"HTTP/1.1 400 ")
        with served.connect() as client:
            client.sendall(GET)
            assert read_answer(client)[0] == 200
        assert [IPv4Address("127.0.0.1")] == [seen.client.address for seen in served.seen]


def test_draining_ends_the_listener():
    async def handler(stream):
        await stream.respond(Response(200))

    with serving(handler, behind("127.0.0.0/8")) as served, served.connect() as waiting:
        waiting.sendall(b"PROX")
        served.call(lambda: served.server.drain(0))
        assert is_cut(waiting)
        with pytest.raises(OSError, match=r".*"):
            served.connect()
