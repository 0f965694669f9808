"""From where an API key may be used: addresses of clients, pages that refer to the API."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from apim_sdk import Exchange, Reject
from apim_sdk.errors import NOT_SUBSCRIBED

__all__ = ["Network", "check_bounds", "refers"]

Network = IPv4Network | IPv6Network


def check_bounds(exchange: Exchange, addresses: Collection[Network], referers: Collection[str]) -> None:
    """Raises Reject (403) unless the client's address and the ``Referer`` are among those given, where any are."""
    if addresses:
        address = exchange.client.address
        if not any(address in network for network in addresses):
            raise _restricted("The key may not be used from this address", f"{address} is not permitted")
    if referers:
        value = (exchange.request.headers.combined(b"referer") or b"").decode("latin-1")
        if not any(refers(pattern, value) for pattern in referers):
            raise _restricted("The key may not be used from this page", f"the Referer {value!r:.200} is not permitted")


def refers(pattern: str, referer: str) -> bool:
    """Whether a ``Referer`` (RFC 9110, section 10.1.3) is of the page ``host/path``, any page of ``host/*``, or any
    page of a host below ``*.host/*``.

    The host stands in the pattern with its port if that is not the scheme's own. Scheme and query do not count.
    """
    try:
        parts = urlsplit(referer)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https"):
        return False
    host = parts.netloc.rpartition("@")[2].lower()
    wanted_host, _, wanted_path = pattern.partition("/")
    wanted_host = wanted_host.lower()
    if wanted_host.startswith("*."):
        if not host.endswith(wanted_host[1:]) or len(host) < len(wanted_host):
            return False
    elif host != wanted_host:
        return False
    return wanted_path == "*" or (parts.path or "/") == f"/{wanted_path}"


def _restricted(description: str, detail: str) -> Reject:
    return Reject(NOT_SUBSCRIBED, description, key="API_KEY_RESTRICTED", detail=detail)
