"""The PROXY header by which a load balancer says for whom it opens a connection (HAProxy's specification, v1 and v2).

Only peers of the configured networks are expected to send one, and they must. It is taken off the socket byte-exactly
before anything else reads from it, so that TLS or HTTP begin right behind it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from apim_core.http.peer import Address, parse_address

__all__ = ["InvalidProxyHeader", "parse_proxy_header", "receive_proxy_header"]

Source = tuple[Address, int]

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_FIXED = 16
_V2_LONGEST = 4096
_V1_LONGEST = 107
_V1 = re.compile(rb"PROXY (?:TCP4 ([0-9.]+) [0-9.]+|TCP6 ([0-9A-Fa-f:.]+) [0-9A-Fa-f:.]+) ([0-9]{1,5}) [0-9]{1,5}\r\n")
_V1_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_V1_START = b"PROXY "


class InvalidProxyHeader(ValueError):
    """The connection does not begin with a PROXY header, or with a wrong one."""


def parse_proxy_header(data: bytes) -> tuple[int, Source | None] | None:
    """The length of the header that ``data`` begins with and the client that it names, None while it is unfinished.

    The client is None where the balancer speaks for itself (v1 UNKNOWN, v2 LOCAL). Raises InvalidProxyHeader.
    """
    if data.startswith(_SIGNATURE):
        return _parse_v2(data)
    if data.startswith(_V1_START):
        return _parse_v1(data)
    if _SIGNATURE.startswith(data) or _V1_START.startswith(data):
        return None
    raise InvalidProxyHeader("the connection does not begin with a PROXY header")


def _parse_v1(data: bytes) -> tuple[int, Source | None] | None:
    end = data.find(b"\n", 0, _V1_LONGEST) + 1
    if not end:
        if len(data) >= _V1_LONGEST:
            raise InvalidProxyHeader("the PROXY line is too long")
        return None
    line = data[:end]
    if _V1_UNKNOWN.fullmatch(line) is not None:
        return end, None
    match = _V1.fullmatch(line)
    if match is None or int(match[3]) > 65535:
        raise InvalidProxyHeader("the PROXY line is not valid")
    kind = IPv4Address if match[1] is not None else IPv6Address
    text = (match[1] or match[2]).decode("ascii")
    try:
        kind(text)
        return end, (parse_address(text), int(match[3]))
    except ValueError:
        raise InvalidProxyHeader("the PROXY line names no address") from None


def _parse_v2(data: bytes) -> tuple[int, Source | None] | None:
    if len(data) < _V2_FIXED:
        return None
    command, family, length = struct.unpack_from("!BBH", data, 12)
    end = _V2_FIXED + length
    if command not in (0x20, 0x21) or end > _V2_LONGEST:
        raise InvalidProxyHeader("the PROXY header is of an unknown version or too long")
    if len(data) < end:
        return None
    if command == 0x20 or family == 0x00:
        return end, None
    if family == 0x11 and length >= 12:
        address, _, port, _ = struct.unpack_from("!4s4sHH", data, _V2_FIXED)
        return end, (parse_address(str(IPv4Address(address))), port)
    if family == 0x21 and length >= 36:
        address, _, port, _ = struct.unpack_from("!16s16sHH", data, _V2_FIXED)
        return end, (parse_address(str(IPv6Address(address))), port)
    raise InvalidProxyHeader("the PROXY header is not of a TCP connection")


async def receive_proxy_header(connection: socket.socket) -> Source | None:
    """Take the header off a non-blocking socket, and not a byte more.

    Answers the client that it names, as ``parse_proxy_header`` does. Raises InvalidProxyHeader, also when the
    connection ends before the header does; OSError.
    """
    taken = b""
    while True:
        await _readable(connection)
        peeked = connection.recv(_V2_LONGEST - len(taken), socket.MSG_PEEK)
        if not peeked:
            raise InvalidProxyHeader("the connection ended inside its PROXY header")
        parsed = parse_proxy_header(taken + peeked)
        if parsed is not None:
            connection.recv(parsed[0] - len(taken))
            return parsed[1]
        taken += connection.recv(len(peeked))


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(connection, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
