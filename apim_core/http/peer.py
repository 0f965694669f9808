"""Who is at the other end of a connection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from apim_sdk.identity import Client, TLSInfo

from apim_core.http.sent_certificates import SentCertificates
from apim_core.http.settings import Network

__all__ = ["Address", "parse_address", "parse_hop", "peer_client"]

Address = IPv4Address | IPv6Address


class _KnownIPv4Address(IPv4Address):
    """An address that keeps its text, since it is written into every request and record."""

    __slots__ = ("_text",)

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._text = super().__str__()

    def __str__(self) -> str:
        return self._text


class _KnownIPv6Address(IPv6Address):
    """As above."""

    __slots__ = ("_text",)

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._text = super().__str__()

    def __str__(self) -> str:
        return self._text


_LOCAL = _KnownIPv4Address("127.0.0.1")
_HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9A-Fa-f:.]+)")


def parse_address(text: str) -> Address:
    """An address, without zone; an IPv4 address that is mapped into IPv6 becomes itself. Raises ValueError."""
    if ":" not in text:
        return _KnownIPv4Address(text)
    address = _KnownIPv6Address(text.partition("%")[0])
    return address if address.ipv4_mapped is None else _KnownIPv4Address(str(address.ipv4_mapped))


def parse_hop(hop: bytes) -> tuple[Address, int] | None:
    """Address and port (0 without one) of an element of X-Forwarded-For or Forwarded; None if it names no address."""
    match = _HOP.fullmatch(hop.decode("latin-1"))
    if match is None:
        return None
    try:
        address = parse_address(match[1] or match[2] or match[3])
    except ValueError:
        return None
    port = match[0].rpartition(":")[2] if match[3] is None else ""
    return address, int(port) if port.isdigit() else 0


def peer_client(
    transport: asyncio.BaseTransport,
    source: tuple[Address, int] | None,
    trusted: Sequence[Network],
    sent: SentCertificates | None = None,
) -> Client:
    """The client that a connection shows by itself: the ``source`` of its PROXY header, or the other end.

    Over a Unix socket that is the loopback address.
    """
    if source is None:
        name = transport.get_extra_info("peername")
        source = (parse_address(name[0]), name[1]) if isinstance(name, tuple) else (_LOCAL, 0)
    address, port = source
    return Client(address, port, address, any(address in network for network in trusted), _tls_info(transport, sent))


def _tls_info(transport: asyncio.BaseTransport, sent: SentCertificates | None) -> TLSInfo | None:
    ssl_object = transport.get_extra_info("ssl_object")
    if ssl_object is None:
        return None
    cipher = ssl_object.cipher()
    certificate = ssl_object.getpeercert(binary_form=True)
    return TLSInfo(
        version=ssl_object.version() or "",
        cipher=cipher[0] if cipher else "",
        server_name=getattr(ssl_object, "asked_name", None),
        certificate=certificate,
        sent=() if sent is None or certificate is None else sent.of(ssl_object, certificate),
    )
