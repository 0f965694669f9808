"""Who is at the other end of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from apim_sdk.identity import Client, TLSInfo

from apim_core.http.settings import Network

__all__ = ["parse_address", "peer_client"]

_LOCAL = IPv4Address("127.0.0.1")


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """An address, without zone; an IPv4 address that is mapped into IPv6 becomes itself. Raises ValueError."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def peer_client(transport: asyncio.BaseTransport, trusted: Sequence[Network]) -> Client:
    """The client that a connection shows by itself; over a Unix socket that is the loopback address."""
    name = transport.get_extra_info("peername")
    address, port = (parse_address(name[0]), name[1]) if isinstance(name, tuple) else (_LOCAL, 0)
    return Client(address, port, address, any(address in network for network in trusted), _tls_info(transport))


def _tls_info(transport: asyncio.BaseTransport) -> TLSInfo | None:
    ssl_object = transport.get_extra_info("ssl_object")
    if ssl_object is None:
        return None
    cipher = ssl_object.cipher()
    return TLSInfo(
        version=ssl_object.version() or "",
        cipher=cipher[0] if cipher else "",
        server_name=getattr(ssl_object, "asked_name", None),
        certificate=ssl_object.getpeercert(binary_form=True),
    )
