"""What a proxy may believe of a request, what it must not pass on, and what it adds (RFC 9110, section 7.6; RFC 7239).

The guard looks at each request before anybody else does:

* hop-by-hop fields and those that Connection lists are removed, so that a client cannot use Connection to remove what
  the gateway sets later; a WebSocket handshake keeps its Upgrade;
* fields about the client that only a proxy may send are believed from trusted peers and removed otherwise;
* fields about the caller that only the gateway may set are removed always;
* names that a backend may take for one of those (``X_Forwarded_For``) are refused with 400;
* a request that has passed this gateway before, or too many, is refused with 508.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache

import attrs
from apim_sdk.errors import BAD_REQUEST, LOOP_DETECTED, Fault
from apim_sdk.headers import Headers
from apim_sdk.identity import Client
from apim_sdk.messages import Request

from apim_core.http.forwarded import forwarded_hops
from apim_core.http.framing import Framing, connection_options
from apim_core.http.peer import Address, parse_hop
from apim_core.http.settings import Network, ServerSettings

__all__ = ["HOP_BY_HOP", "PROXY_FIELDS", "Guard", "forwarding_fields"]

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Fields that belong to one connection only."""

_FORWARDED_FAMILY = frozenset((b"forwarded",))
_X_FORWARDED_FAMILY = frozenset(
    b"x-forwarded-" + name for name in (b"for", b"host", b"port", b"prefix", b"proto", b"server")
)
_OTHER_PROXY_FIELDS = frozenset(
    (
        b"client-cert",
        b"client-cert-chain",
        b"client-ip",
        b"ssl-client-cert",
        b"true-client-ip",
        b"x-client-cert",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-forwarded-client-cert",
        b"x-forwarded-scheme",
        b"x-forwarded-ssl",
        b"x-forwarded-tls-client-cert",
        b"x-original-forwarded-for",
        b"x-original-host",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
        b"x-ssl-client-cert",
        b"x-wso2-client-certificate",
    )
)
PROXY_FIELDS = _FORWARDED_FAMILY | _X_FORWARDED_FAMILY | _OTHER_PROXY_FIELDS
"""Fields by which a proxy speaks for its client: believed from trusted peers only."""

_NEVER_LISTED = frozenset((b"authorization", b"content-length", b"cookie", b"expect", b"host", b"via")) | PROXY_FIELDS
_FRAMING = HOP_BY_HOP | {b"content-length", b"host"}
_ALIAS = re.compile(rb"[^a-z0-9]")
_MOST_HOPS = 32


class Guard:
    """Cleans the headers of each request of one listener and finds out who its client is."""

    def __init__(self, settings: ServerSettings, name: str) -> None:
        self._trusted = settings.trusted_proxies
        self._standard = settings.forwarding_header.lower() == "forwarded"
        self._identity = frozenset(name.lower().encode("ascii") for name in settings.guarded_headers)
        self._guarded = PROXY_FIELDS | self._identity
        self._aliased = self._guarded | _FRAMING
        self.watched = HOP_BY_HOP | PROXY_FIELDS | self._identity | {b"via"}
        """The fields that make a request one to look at, beside names with an underscore."""
        self._name = name.lower().encode("ascii")
        self._hops = settings.limits.hops

    def check_names(self, index: Iterable[bytes]) -> None:
        """Refuse names that only their underscores tell from guarded ones. Raises Fault."""
        for name in index:
            if 95 in name and _ALIAS.sub(b"-", name) in self._aliased:
                raise Fault(BAD_REQUEST, f"The header {name.decode('ascii')} could be taken for one with hyphens")

    def admit(self, request: Request, client: Client, framing: Framing, present: Set[bytes]) -> Client:
        """Clean the headers, of which ``present`` are watched. Answers the client as trusted proxies describe it.

        Raises Fault.
        """
        headers = request.headers
        if b"via" in present:
            self._check_via(headers.values_of(b"via"))
        if not HOP_BY_HOP.isdisjoint(present):
            remove_hop_by_hop(headers, keep_upgrade=framing.upgrade is not None)
        if not self._guarded.isdisjoint(present):
            for name in self._identity & present:
                headers.discard(name)
            spoken = PROXY_FIELDS & present
            if spoken and client.trusted:
                return self._believe(request, client)
            for name in spoken:
                headers.discard(name)
        return client

    def _check_via(self, values: Iterable[bytes]) -> None:
        hops = [hop.split() for value in values for hop in value.split(b",")]
        if len(hops) > self._hops or any(len(hop) > 1 and hop[1].lower() == self._name for hop in hops):
            raise Fault(LOOP_DETECTED)

    def _believe(self, request: Request, client: Client) -> Client:
        headers = request.headers
        for name in _X_FORWARDED_FAMILY if self._standard else _FORWARDED_FAMILY:
            headers.discard(name)
        if self._standard:
            hops, scheme = forwarded_hops(headers.values_of(b"forwarded"))
        else:
            hops = [hop for value in headers.values_of(b"x-forwarded-for") for hop in value.split(b",")]
            schemes = headers.values_of(b"x-forwarded-proto")
            scheme = schemes[-1].rpartition(b",")[2].strip().lower() if schemes else b""
        if scheme in (b"http", b"https"):
            request.scheme = scheme.decode("ascii")
        if not hops:
            return client
        found = _nearest_untrusted(tuple(hops[-_MOST_HOPS:]), self._trusted)
        if found is None:
            return client
        return attrs.evolve(client, address=found[0], port=found[1])


@lru_cache(maxsize=1024)
def _nearest_untrusted(hops: Sequence[bytes], trusted: tuple[Network, ...]) -> tuple[Address, int] | None:
    """The right-most hop that is not a trusted proxy, else the left-most one that can be read."""
    found = None
    for hop in reversed(hops):
        parsed = parse_hop(hop.strip())
        if parsed is None:
            break
        found = parsed
        if not any(parsed[0] in network for network in trusted):
            break
    return found


def remove_hop_by_hop(headers: Headers, *, keep_upgrade: bool = False) -> None:
    """Remove what belongs to one connection only: the known fields and those that Connection lists."""
    index = headers.index
    if b"connection" in index:
        for name in connection_options(headers):
            if name in index and name not in _NEVER_LISTED and name not in HOP_BY_HOP:
                headers.discard(name)
    for name in HOP_BY_HOP.intersection(index):
        if not (keep_upgrade and name == b"upgrade"):
            headers.discard(name)


def forwarding_fields(request: Request, client: Client) -> bytes:
    """X-Forwarded-For, -Proto and -Host for the backend, as lines with CRLF in front.

    A trusted proxy's list is continued with its own address; whatever of these names is in the request's headers
    is to be left out.
    """
    hops = request.headers.values_of(b"x-forwarded-for") if client.trusted else []
    chain = b", ".join((*hops, str(client.peer).encode("ascii")))
    return b"\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b" % (
        chain,
        request.scheme.encode("ascii"),
        request.host.encode("ascii"),
    )
