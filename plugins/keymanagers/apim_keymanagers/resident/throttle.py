"""A bound on guessing and on filling the store: who does it too often has to wait."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from apim_sdk import Clock

from apim_keymanagers.resident.errors import OAuthError

__all__ = ["Throttle"]

_MOST_KEPT: Final = 10_000
_SITE: Final = 64
"""Bits of an IPv6 address that one subscriber's network shares (RFC 6177)."""


class Throttle:
    """Failures by what was tried and from where, over some seconds; of at most 10,000 pairs. One process counts alone.

    ``most`` failures are allowed for one pair, ``everywhere`` times as many for one thing from everywhere, so that a
    stranger elsewhere cannot lock a user out by a handful of requests, and as many for one address at all things, so
    that nobody tries one password with every user. The addresses of one IPv6 network of 64 bits are one.
    """

    def __init__(
        self,
        clock: Clock,
        most: int = 10,
        *,
        seconds: float = 300.0,
        everywhere: int = 10,
        told: str = "too many failed attempts",
    ) -> None:
        self._now = clock.monotonic
        self._most = most
        self._seconds = seconds
        self._most_everywhere = everywhere * most
        self._told = told
        self._failures: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def check(self, what: str, address: str) -> None:
        """Raises OAuthError (429) while there were too many failures."""
        for key, most in self._counted(what, address):
            since, count = self._failures.get(key, (0.0, 0))
            wait = since + self._seconds - self._now()
            if count >= most and wait > 0:
                headers = {"Retry-After": str(int(wait) + 1)}
                raise OAuthError("slow_down", f"{self._told}: try again later", status=429, headers=headers)

    def count(self, what: str, address: str) -> None:
        """Count one."""
        now = self._now()
        for key, _ in self._counted(what, address):
            since, count = self._failures.get(key, (now, 0))
            self._failures[key] = (since, count + 1) if since + self._seconds > now else (now, 1)
            self._failures.move_to_end(key)
        while len(self._failures) > _MOST_KEPT:
            self._failures.popitem(last=False)

    def forgive(self, what: str, address: str) -> None:
        """Take back a failure that was counted before it was one."""
        for key, _ in self._counted(what, address):
            since, count = self._failures.get(key, (0.0, 0))
            if count > 1:
                self._failures[key] = (since, count - 1)
            else:
                self._failures.pop(key, None)

    def succeeded(self, what: str, address: str) -> None:
        """Forget the failures of this pair; not those of the address, whose own account may be one of many."""
        self._failures.pop((what, _site(address)), None)

    def _counted(self, what: str, address: str) -> Iterator[tuple[tuple[str, str], int]]:
        """What is counted, and how often it may be."""
        site = _site(address)
        yield (what, site), self._most
        yield (what, ""), self._most_everywhere
        if site:
            yield ("", site), self._most_everywhere


def _site(address: str) -> str:
    if ":" not in address:
        return address
    known = IPv6Address(address)
    return str(known.ipv4_mapped or IPv6Network((int(known), _SITE), strict=False))
