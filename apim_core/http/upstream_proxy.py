"""Through an HTTP proxy to a TLS origin: CONNECT (RFC 9110, section 9.3.6)."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import cast

from apim_core.http.upstream_settings import Origin, UpstreamProxy

__all__ = ["ProxyHandshake", "proxy_authorization"]

_ESTABLISHED = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")
_MAX_HEAD = 16 * 1024


def proxy_authorization(proxy: UpstreamProxy) -> bytes:
    """The line that authenticates at the proxy (RFC 7617), with CRLF in front; nothing without a user name."""
    if proxy.username is None:
        return b""
    password = "" if proxy.password is None else proxy.password.reveal()
    return b"\r\nProxy-Authorization: Basic " + base64.b64encode(f"{proxy.username}:{password}".encode())


class ProxyHandshake(asyncio.Protocol):
    """Asks a proxy for a tunnel; ``established`` is done when there is one, and fails with OSError if there is none."""

    def __init__(self, proxy: UpstreamProxy, origin: Origin) -> None:
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        authority = f"{host}:{origin.port}".encode("ascii")
        self._request = b"CONNECT %b HTTP/1.1\r\nHost: %b%b\r\n\r\n" % (
            authority,
            authority,
            proxy_authorization(proxy),
        )
        self._answer = b""
        self.established: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if not end:
            if len(self._answer) > _MAX_HEAD:
                self._refuse("its answer to CONNECT is too long")
        elif _ESTABLISHED.match(head + b"\r") is None:
            status_line = head.partition(b"\r\n")[0][:100]
            self._refuse(f"it answered CONNECT with {status_line.decode('latin-1')!r}")
        elif rest:
            self._refuse("it sent bytes before the tunnel was used")
        elif not self.established.done():
            self.established.set_result(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._refuse("it closed the connection")

    def _refuse(self, reason: str) -> None:
        self._transport.abort()
        if not self.established.done():
            self.established.set_exception(ConnectionError(f"no tunnel through the proxy: {reason}"))
