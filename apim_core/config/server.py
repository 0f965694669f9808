"""What the gateway listens on, and the bounds within which it serves."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Literal

import attrs
from apim_sdk import Duration, Secret, Size

from apim_core.config.references import NOWHERE, SourceRef
from apim_core.config.validating import unguessable
from apim_core.http.settings import LimitSettings, TimeoutSettings

__all__ = [
    "Access",
    "Address",
    "Certificate",
    "Egress",
    "Limits",
    "Listener",
    "Log",
    "Management",
    "Network",
    "Timeouts",
    "Tls",
]

Network = IPv4Network | IPv6Network


@attrs.frozen
class Address:
    """A host and a port to listen on: ``127.0.0.1:8080``, ``[::1]:8080``, ``localhost:8080``, ``:8080`` for any."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """From ``host:port``. Raises ValueError when it is something else."""
        host, colon, port = text.rpartition(":")
        if not (colon and port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"{text!r} is no address: write host:port, such as 127.0.0.1:8080 or [::1]:8080")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
            if not isinstance(_ip(host), IPv6Address):
                raise ValueError(f"{host!r} is no IPv6 address")
        elif ":" in host:
            raise ValueError(f"{text!r} is no address: an IPv6 address stands in brackets, [{host}]:{port}")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


@attrs.frozen
class Certificate:
    """A certificate chain with its key, for the host names that clients ask for by SNI."""

    hosts: tuple[str, ...]
    """Host names, exact or with a leading wildcard label such as `*.example.com`."""
    certificate: Path
    """PEM file of the certificate chain, the server's own certificate first."""
    key: Path
    """PEM file of the private key."""


@attrs.frozen
class Tls:
    """TLS of a listener."""

    certificate: Path
    """PEM file of the certificate chain, the server's own certificate first."""
    key: Path
    """PEM file of the private key."""
    client_ca: Path | None = None
    """PEM file of who vouches for client certificates: authorities, root or intermediate, or the certificates."""
    client_certificate: Literal["none", "optional", "required"] | None = None
    """Whether a client must show a certificate; without it, `required` when `client_ca` is set and `none` when not."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest TLS version that is spoken."""
    sni: tuple[Certificate, ...] = ()
    """More certificates, chosen by the host name that the client asks for."""

    def __attrs_post_init__(self) -> None:
        if self.client_certificate in ("optional", "required") and self.client_ca is None:
            raise ValueError(f"client_certificate: {self.client_certificate} needs client_ca")


@attrs.frozen
class Limits(LimitSettings):
    """The most of everything that a client may send or hold. What is over is refused with 4xx or by closing."""

    buffered_body: Size = Size("10MiB")
    """Largest body that a policy may read as a whole; 413."""
    message: Size = attrs.field(default=Size("1MiB"), validator=attrs.validators.ge(Size("1KiB")))
    """Largest message of a WebSocket, or event of an event stream, where policies see them: a WebSocket is closed with
    1009, an event stream broken off. Other streams pass unread, whatever they hold."""
    requests: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    """Most requests at a time, in one worker; 503."""
    counter_keys: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))
    """Most keys that the supervisor of several workers counts for each limit; past that it forgets the oldest."""


@attrs.frozen
class Timeouts(TimeoutSettings):
    """How long the gateway waits for clients."""

    drain: Duration = Duration("30s")
    """For running requests to end when the gateway stops or a configuration is replaced."""


@attrs.frozen
class Listener:
    """One address that takes requests."""

    address: Address
    """Host and port, such as `127.0.0.1:8080`."""
    tls: Tls | None = None
    """Certificates; without it the listener speaks plain HTTP."""
    proxy_protocol: bool = False
    """Whether every connection begins with a PROXY protocol header, version 1 or 2; `trusted_proxies` may send it."""
    limits: Limits | None = None
    """Limits of this listener in place of the gateway's."""
    timeouts: Timeouts | None = None
    """Time-outs of this listener in place of the gateway's."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Management:
    """The port for health, readiness and metrics, and with a token for applications, subscriptions and revocations."""

    listen: Address = Address("127.0.0.1", 8081)
    """Host and port; keep it off public networks."""
    enabled: bool = True
    """Whether there is a management port."""
    token: Secret | None = attrs.field(default=None, validator=attrs.validators.optional(unguessable))
    """What whoever manages access presents as `Authorization: Bearer`, at least 32 characters; without it, nobody
    does."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Access:
    """Applications, keys, subscriptions and revocations that change while the gateway runs."""

    store: str | None = None
    """Name of the store, one of `stores`, that holds them; without it, there are those of the configuration only."""
    required: bool = True
    """Whether the gateway waits for the store before it serves, and does not start without it."""
    timeout: Duration = Duration("10s")
    """How long the start waits for the store to say anything more."""
    token_lifetime: Duration = Duration("24h")
    """The longest that a token is good: for so long the revocation of a client or subject is remembered, and that of
    a token of which no end is known."""
    revocations: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))
    """The most revocations that are held at a time; more are refused, and counted."""
    source: SourceRef = attrs.field(default=NOWHERE, init=False, eq=False, repr=False)


@attrs.frozen
class Egress:
    """What callouts of the gateway and its plugins may reach beside public addresses."""

    allow: tuple[Network, ...] = ()
    """Networks that are not public (loopback, private ...) and may be called all the same."""
    timeout: Duration = Duration("10s")
    """For a whole callout."""
    response: Size = Size("4MiB")
    """Largest answer to a callout."""


@attrs.frozen
class Log:
    """The gateway's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["text", "json"] | None = None
    """How a line looks; without it, text on a terminal and JSON elsewhere."""
