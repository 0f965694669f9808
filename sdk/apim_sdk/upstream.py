"""Settings of connections to a backend: how the gateway connects, how long it waits, how much it holds."""

from __future__ import annotations

from pathlib import Path

import attrs

from apim_sdk.fields import Duration, Secret, Size

__all__ = ["Origin", "UpstreamProxy", "UpstreamSettings", "UpstreamTLS"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


@attrs.frozen
class Origin:
    """Where a backend listens (RFC 6454, section 4)."""

    scheme: str = attrs.field(validator=attrs.validators.in_(_DEFAULT_PORTS))
    """``http`` or ``https``."""
    host: str = attrs.field(validator=attrs.validators.min_len(1))
    """Host name, IPv4 address, or IPv6 address without brackets."""
    port: int = attrs.field(validator=(attrs.validators.ge(1), attrs.validators.le(65535)))
    """Port number."""

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL and in Host; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether the connection is TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@attrs.frozen
class UpstreamTLS:
    """How the gateway checks a backend's certificate, and what it shows of its own."""

    verify: bool = True
    """Whether the backend's certificate must be valid for its name; turn it off for experiments only."""
    ca: Path | None = None
    """File of the certificates (PEM) that vouch for the backend; without it, those that the system trusts."""
    certificate: Path | None = None
    """File of the certificate chain (PEM) that the gateway presents as a client."""
    key: Path | None = None
    """File of the private key (PEM) of ``certificate``; without it the key is looked for in the same file."""
    key_password: Secret | None = None
    """Password of the private key."""
    server_name: str | None = None
    """Name to ask for (SNI) and to check the certificate against, instead of the origin's host."""


@attrs.frozen
class UpstreamProxy:
    """An HTTP proxy that the connections go through: CONNECT for https, absolute-form targets for http."""

    host: str
    """Host name or address of the proxy."""
    port: int = attrs.field(validator=(attrs.validators.ge(1), attrs.validators.le(65535)))
    """Port number of the proxy."""
    username: str | None = None
    """User name for Basic authentication at the proxy."""
    password: Secret | None = None
    """Password of the user at the proxy."""


@attrs.frozen
class UpstreamSettings:
    """One backend's connections: limits, time-outs, TLS, proxy. A time-out of 0 is none."""

    connect_timeout: Duration = attrs.field(default=Duration(3), converter=Duration)
    """From starting to connect until the connection (with TLS and proxy) is ready; then 504 with code 101508."""
    first_byte_timeout: Duration = attrs.field(default=Duration(60), converter=Duration)
    """From the end of the request until the head of the answer is there; then 504 with code 101504."""
    idle_timeout: Duration = attrs.field(default=Duration(60), converter=Duration)
    """Longest silence in the middle of a body, either way; then the exchange is aborted."""
    total_timeout: Duration = attrs.field(default=Duration(0), converter=Duration)
    """From taking up the exchange until the last byte of the answer; 0, the default, lets streams last."""
    tunnel_timeout: Duration = attrs.field(default=Duration(3600), converter=Duration)
    """Longest silence on a connection that has changed its protocol (WebSocket)."""
    max_connections: int = attrs.field(default=512, validator=attrs.validators.ge(1))
    """Connections open at once to the origin, by each process."""
    max_idle: int = attrs.field(default=128, validator=attrs.validators.ge(0))
    """Connections kept open while unused; 0 closes each after its answer."""
    keep_alive: Duration = attrs.field(default=Duration(30), converter=Duration)
    """How long an unused connection is kept."""
    queue_size: int = attrs.field(default=1024, validator=attrs.validators.ge(0))
    """Exchanges that may wait for a connection; one more is refused at once: 503 with code 303002."""
    queue_timeout: Duration = attrs.field(default=Duration(5), converter=Duration)
    """How long an exchange may wait for a connection; then 503 with code 303002."""
    max_head: Size = attrs.field(default=Size(64 * 1024), converter=Size)
    """Largest head (status line and header fields) or trailer section of an answer, in bytes."""
    max_headers: int = attrs.field(default=256, validator=attrs.validators.ge(1))
    """Most header fields in the head or in the trailers of an answer."""
    max_informational: int = attrs.field(default=32, validator=attrs.validators.ge(0))
    """Most 1xx answers before the final one."""
    forward_informational: bool = True
    """Whether 1xx answers but 100, such as 103 Early Hints, go on to the client as they come."""
    high_water: Size = attrs.field(default=Size(256 * 1024), converter=Size)
    """Bytes of an answer that are held before reading from the backend pauses, and of a request before writing does."""
    preserve_host: bool = False
    """Send the Host of the client's request instead of the origin's."""
    resolve_every: Duration = attrs.field(default=Duration(30), converter=Duration)
    """How old the addresses of the origin's name may become before they are looked up again."""
    tls: UpstreamTLS = UpstreamTLS()
    """TLS to an ``https`` origin."""
    proxy: UpstreamProxy | None = None
    """HTTP proxy in between, if there is one."""
