"""IP addresses and CIDR blocks (the network extension: `ip`, `cidr` and their methods).

An IPv4-mapped IPv6 address is refused in its dotted form and read as the IPv4 address in its hexadecimal form or from
a variable, so that one client never has two addresses.
"""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_address,
    ip_interface,
)

from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.overloads import function, method
from apim_core.expressions.types import BOOL, CIDR, INT, IP, STRING
from apim_core.expressions.values import describe

Address = IPv4Address | IPv6Address
Block = IPv4Interface | IPv6Interface


def parse_address(text: str) -> Address:
    """An IPv4 or IPv6 address; an `EvaluationError` if it is none, has a zone or is IPv4-mapped in dotted form."""
    if "%" in text:
        raise EvaluationError(f"IP Address {describe(text)} with zone value is not allowed")
    try:
        address = ip_address(text)
    except ValueError:
        raise EvaluationError(f"IP Address {describe(text)} parse error during conversion from string") from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None and "." in text:
        raise EvaluationError(f"IPv4-mapped IPv6 address is not allowed: {describe(text)}")
    return mapped or address


def parse_block(text: str) -> Block:
    """An address with a prefix length, whose host bits are kept; an `EvaluationError` if it is none."""
    address, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdigit()) or len(length) > 3:
        raise EvaluationError(f"CIDR {describe(text)}: network address parse error during conversion from string")
    if "%" in address:
        raise EvaluationError(f"CIDR with zone value is not allowed: {describe(text)}")
    if ":" in address and "." in address:
        raise EvaluationError(f"IPv4-mapped IPv6 address is not allowed: {describe(text)}")
    try:
        return ip_interface(text)
    except ValueError:
        raise EvaluationError(f"CIDR {describe(text)}: network address parse error") from None


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except EvaluationError:
        return False
    return True


def _is_block(text: str) -> bool:
    try:
        parse_block(text)
    except EvaluationError:
        return False
    return True


def _is_global_unicast(address: Address) -> bool:
    if isinstance(address, IPv4Address) and address == IPv4Address("255.255.255.255"):
        return False
    return not (address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)


def _is_link_local_multicast(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.packed[:3] == b"\xe0\x00\x00"
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 2


def _contains_address(block: Block, address: Address) -> bool:
    return address.version == block.version and address in block.network


def _contains_block(outer: Block, inner: Block) -> bool:
    return (
        inner.version == outer.version
        and inner.network.prefixlen >= outer.network.prefixlen
        and inner.network.network_address in outer.network
    )


def _masked(block: Block) -> Block:
    return ip_interface(block.network)


NETWORK = (
    function("ip", (STRING,), IP, parse_address),
    function("ip", (IP,), IP, lambda address: address),
    function("isIP", (STRING,), BOOL, _is_address),
    function("ip.isCanonical", (STRING,), BOOL, lambda text: str(parse_address(text)) == text),
    method("family", (IP,), INT, lambda address: address.version),
    method("isUnspecified", (IP,), BOOL, lambda address: address.is_unspecified),
    method("isLoopback", (IP,), BOOL, lambda address: address.is_loopback),
    method("isGlobalUnicast", (IP,), BOOL, _is_global_unicast),
    method("isLinkLocalMulticast", (IP,), BOOL, _is_link_local_multicast),
    method("isLinkLocalUnicast", (IP,), BOOL, lambda address: address.is_link_local),
    function("cidr", (STRING,), CIDR, parse_block),
    function("cidr", (CIDR,), CIDR, lambda block: block),
    function("isCIDR", (STRING,), BOOL, _is_block),
    method("containsIP", (CIDR, IP), BOOL, _contains_address),
    method("containsIP", (CIDR, STRING), BOOL, lambda block, text: _contains_address(block, parse_address(text))),
    method("containsCIDR", (CIDR, CIDR), BOOL, _contains_block),
    method("containsCIDR", (CIDR, STRING), BOOL, lambda block, text: _contains_block(block, parse_block(text))),
    method("ip", (CIDR,), IP, lambda block: block.ip),
    method("masked", (CIDR,), CIDR, _masked),
    method("prefixLength", (CIDR,), INT, lambda block: block.network.prefixlen),
)
"""The overloads of the functions for addresses and blocks."""
