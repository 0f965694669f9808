"""Choose by their addresses which clients may call."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import Any, ClassVar

import attrs
from apim_sdk import Exchange, Policy, Reject, state
from apim_sdk.errors import DENIED

__all__ = ["IPFilter"]


@attrs.frozen
class IPFilter(Policy):
    """Refuses clients with 403 by their addresses, behind trusted proxies by those that the proxies tell."""

    example: ClassVar[Any] = {"allow": ["192.0.2.0/24", "203.0.113.0/24", "2001:db8::/32"], "deny": ["192.0.2.66"]}

    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks and addresses that may call; without any, all that are not denied."""
    deny: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks and addresses that may not call, even if they are allowed."""
    _allowed: _Addresses | None = state()
    _denied: _Addresses = state()

    def __attrs_post_init__(self) -> None:
        if not self.allow and not self.deny:
            raise ValueError("say who may call or who may not: `allow`, `deny` or both")
        self.hold(_allowed=_Addresses(self.allow) if self.allow else None, _denied=_Addresses(self.deny))

    def on_request(self, exchange: Exchange) -> None:
        address = exchange.client.address
        if address in self._denied or (self._allowed is not None and address not in self._allowed):
            raise Reject(DENIED, detail=f"{address} may not call")


class _Addresses:
    """A set of addresses in which one is looked up in logarithmic time.

    For each version of IP it holds the first and the last addresses of networks that do not overlap, in order.
    """

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        networks = tuple(networks)
        self._bounds = {
            4: _bounds(collapse_addresses(network for network in networks if isinstance(network, IPv4Network))),
            6: _bounds(collapse_addresses(network for network in networks if isinstance(network, IPv6Network))),
        }

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        firsts, lasts = self._bounds[address.version]
        number = int(address)
        place = bisect_right(firsts, number) - 1
        return place >= 0 and number <= lasts[place]


def _bounds(networks: Iterable[IPv4Network | IPv6Network]) -> tuple[list[int], list[int]]:
    ordered = list(networks)
    return [int(network[0]) for network in ordered], [int(network[-1]) for network in ordered]
