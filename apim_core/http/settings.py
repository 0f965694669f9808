"""What an operator may set about the server side of the wire."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

import attrs
from apim_sdk.fields import Duration, Size

__all__ = [
    "BACKLOG",
    "CertificateSettings",
    "LimitSettings",
    "Network",
    "ServerSettings",
    "TLSSettings",
    "TimeoutSettings",
]

BACKLOG = 2048
"""How many connections may wait to be accepted at a listening socket."""
Network = IPv4Network | IPv6Network


@attrs.frozen
class LimitSettings:
    """Bounds of what a client may send; whatever passes one is refused with the status that is named."""

    request_line: Size = Size("8KiB")
    """The first line of a request; 414."""
    head: Size = Size("32KiB")
    """The first line and all header fields together; 431."""
    header: Size = Size("16KiB")
    """Name and value of one header field; 431."""
    headers: int = attrs.field(default=100, validator=attrs.validators.ge(1))
    """How many header fields a request may have; 431."""
    body: Size = Size("16GiB")
    """A request body, declared or counted as it streams; 413. Bodies take no memory; limit single APIs by policy."""
    body_buffer: Size = Size("64KiB")
    """What is held of a body that nobody reads; beyond it the client is not read from until there is room."""
    pipeline_buffer: Size = Size("64KiB")
    """What is held of requests that arrive before the answer to the one before them."""
    chunk_extensions: Size = Size("4KiB")
    """All chunk extensions of a request body together; 400."""
    trailers: Size = Size("8KiB")
    """The trailer fields behind a request body, which are checked and dropped; 431."""
    connections: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    """Connections at a time; more are answered with 503 and closed."""
    connections_per_client: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """Connections at a time from one address, 0 for any number; more are answered with 503 and closed."""
    hops: int = attrs.field(default=16, validator=attrs.validators.ge(1))
    """How many proxies a request may have passed, by its Via fields; 508."""
    requests_per_connection: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """After how many requests a connection is closed, 0 for never."""


@attrs.frozen
class TimeoutSettings:
    """How long a client may take."""

    head: Duration = Duration("10s")
    """From the first byte of a request to the end of its head; 408."""
    body: Duration = Duration("30s")
    """Between two pieces of a body, and the credit that ``body_rate`` starts with; 408."""
    body_rate: Size = Size("100B")
    """Bytes a second that a body must bring on average, 0 for any; 408."""
    idle: Duration = Duration("75s")
    """Between two requests of a connection; it is then closed without a word."""
    write: Duration = Duration("30s")
    """For a client that takes nothing of what waits for it; the connection is then reset."""
    write_rate: Size = Size("0B")
    """Bytes a second that it must take at least while more waits."""
    tunnel: Duration = Duration("10m")
    """Between two pieces that go through a tunnel, either way."""
    handshake: Duration = Duration("10s")
    """For the TLS handshake and for the PROXY header."""
    linger: Duration = Duration("2s")
    """How long a closed connection is read on, so that the client gets to see the last answer."""


@attrs.frozen
class CertificateSettings:
    """A certificate chain with its private key, both PEM files."""

    certificate: str
    """Path of the certificate, followed by its intermediates."""
    key: str
    """Path of the private key."""
    names: tuple[str, ...] = ()
    """Host names that it is shown for, exact or ``*.example.com``; none: those in the certificate."""


@attrs.frozen
class TLSSettings:
    """TLS of a listener. The files are read again when ``Server.reload_certificates`` is called."""

    certificates: tuple[CertificateSettings, ...]
    """The first is shown to clients that ask for no known name."""
    client_certificate: Literal["none", "optional", "required"] = "none"
    """Whether a client must, may or need not show a certificate; ``client_ca`` has to vouch for it in any case."""
    client_ca: str | None = None
    """Path of the PEM bundle that vouches for client certificates."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest version of TLS that is spoken."""
    ciphers: str | None = None
    """OpenSSL's list of cipher suites for TLS 1.2."""


@attrs.frozen
class ServerSettings:
    """One listener: limits, time-outs, whom to trust."""

    limits: LimitSettings = LimitSettings()
    """Bounds of what a client may send."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long a client may take."""
    tls: TLSSettings | None = None
    """TLS; absent: plain HTTP."""
    trusted_proxies: tuple[Network, ...] = ()
    """Networks of proxies whose ``Forwarded`` and ``X-Forwarded-*`` headers are believed."""
    forwarding_header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    """Which family those proxies write: ``X-Forwarded-For`` (with ``-Proto`` ...) or ``Forwarded``; the other is
    removed, since they may pass on what a client wrote there."""
    proxy_protocol: tuple[Network, ...] = ()
    """Networks of load balancers that open each connection with a PROXY header (version 1 or 2)."""
    guarded_headers: tuple[str, ...] = ("X-JWT-Assertion",)
    """Headers about the caller that only the gateway sets: a client's own are dropped."""
    name: str = ""
    """This gateway in ``Via``: a request that has passed it before is refused with 508. All workers of a node should
    have the same; empty: a random one."""
