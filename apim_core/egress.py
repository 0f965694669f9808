"""Egress: the one client for every callout of the management side and of plugins.

An address is judged after it is resolved, and the connection goes to just that address, so a name that answers
differently the second time gains nothing. Addresses that are not public (loopback, private, link-local ...) are refused
unless the operator allows their network; redirects are not followed.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from apim_sdk.upstream import UpstreamTLS
from yarl import URL

from apim_core.http.upstream_tls import client_context

__all__ = ["Answer", "Egress", "EgressRefused"]

_LAST_32_BITS = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
"""IPv6 networks whose addresses end in an IPv4 address: NAT64, IPv4-compatible, IPv4-translated (RFC 2765)."""

_NEVER_PUBLIC = (IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"), IPv4Network("168.63.129.16/32"))
"""Site-local addresses (RFC 3879) and the NAT64 of a site (RFC 8215), for not every Python knows that they are private;
and the address at which each machine in Azure finds the host that it runs on."""


_ODD_ADDRESS = re.compile(r"[0-9.]+")
"""What the system would take for an IPv4 address though it is not written as one: ``127.1``, ``2130706433``."""


class EgressRefused(PermissionError):
    """The guard does not let a callout through; the text says why."""


@attrs.frozen
class Answer:
    """The answer to a callout; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Guard(AbstractResolver):
    """Resolves names and lets only those addresses out that a callout may go to."""

    def __init__(self, allowed: Sequence[IPv4Network | IPv6Network], resolver: AbstractResolver) -> None:
        self._allowed = tuple(allowed)
        self._resolver = resolver

    def check(self, host: str, address: str) -> None:
        """Raise EgressRefused unless ``address`` may be called."""
        parsed = ip_address(address)
        inner = _embedded(parsed) if isinstance(parsed, IPv6Address) else None
        judged = parsed if inner is None else inner
        if judged.is_global and not judged.is_multicast and not any(judged in network for network in _NEVER_PUBLIC):
            return
        if any(judged in network or parsed in network for network in self._allowed):
            return
        raise EgressRefused(
            f"a callout to {host} ({address}) is refused: the address is not public; "
            "allow its network under `egress: {allow: [...]}` if it is meant"
        )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            self.check(host, each["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()


class Egress:
    """The client. ``limit`` bounds an answer's body in bytes, ``timeout`` the whole callout in seconds.

    ``resolver`` finds the addresses of a name; without it, the system does.
    """

    def __init__(
        self,
        allow: Sequence[IPv4Network | IPv6Network] = (),
        *,
        limit: int = 4 * 2**20,
        timeout: float = 10.0,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._guard = _Guard(allow, ThreadedResolver() if resolver is None else resolver)
        self._limit = limit
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._tls: dict[UpstreamTLS, ssl.SSLContext] = {}

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: UpstreamTLS | None = None,
    ) -> Answer:
        """Call out. Raises EgressRefused, ConnectionError, TimeoutError, or OSError for an answer over the limit."""
        target = URL(url)
        if target.scheme not in ("http", "https") or target.host is None:
            raise EgressRefused(f"a callout to {url!r} is refused: only http and https URLs may be called")
        if _is_address(target.host):
            self._guard.check(target.host, target.host)
        elif _ODD_ADDRESS.fullmatch(target.host) is not None:
            raise EgressRefused(f"a callout to {target.host} is refused: write the address as 192.0.2.1")
        try:
            async with self._open().request(
                method,
                target,
                headers=headers,
                data=body,
                allow_redirects=False,
                ssl=True if tls is None else self._context_of(tls),
                server_hostname=None if tls is None else tls.server_name,
            ) as response:
                content = await response.content.read(self._limit + 1)
                while len(content) <= self._limit and (more := await response.content.read(self._limit + 1)):
                    content += more
                if len(content) > self._limit:
                    raise OSError(f"the answer of {target.host} is larger than {self._limit} bytes")
                return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, content)
        except TimeoutError as error:
            raise TimeoutError(f"{target.host} did not answer within {self._timeout:g} s") from error
        except aiohttp.ClientError as error:
            if isinstance(error.__cause__, EgressRefused):
                raise error.__cause__ from None
            raise ConnectionError(f"the callout to {target.host} failed: {error}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=self._guard, limit=64, use_dns_cache=False),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _context_of(self, tls: UpstreamTLS) -> ssl.SSLContext:
        """Files are read when the settings are first used, and again by the next configuration."""
        context = self._tls.get(tls)
        if context is None:
            context = self._tls[tls] = client_context(tls)
        return context

    async def close(self) -> None:
        """Close the connections that are kept."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a connection to an IPv6 one ends at: mapped, translated (NAT64), tunnelled (6to4).

    RFC 4291, section 2.5.5; RFC 6052, section 2.1; RFC 3056, section 2.
    """
    if address.ipv4_mapped is not None or address.sixtofour is not None:
        return address.ipv4_mapped or address.sixtofour
    if any(address in network for network in _LAST_32_BITS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
