"""Documents in the web, for those who allow them: fetched from public addresses only, bounded in size and time.

The address that was looked at is the one that is connected to, so a name that changes in between gains nothing.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from typing import Final
from urllib.parse import urljoin, urlsplit

import attrs

__all__ = ["WebReader"]

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_CHUNK: Final = 65_536


@attrs.frozen
class WebReader:
    """Gets what is at URLs; private addresses, of whatever a name stands for, only with ``private``."""

    private: bool = False
    largest: int = 32 * 1024 * 1024
    """Bytes that an answer may have."""
    longest: float = 20.0
    """Seconds that one may take, with all its redirections."""
    redirections: int = 5

    def read(self, url: str) -> bytes:
        """The content at a URL. Raises OSError."""
        deadline = time.monotonic() + self.longest
        place = url
        for _ in range(self.redirections + 1):
            status, location, content = self._get(place, deadline)
            if status in _REDIRECTS and location:
                place = urljoin(place, location)
                continue
            if status != 200:
                raise OSError(f"{url} cannot be read: the answer is {status}")
            return content
        raise OSError(f"{url} cannot be read: it redirects more than {self.redirections} times")

    def _get(self, url: str, deadline: float) -> tuple[int, str | None, bytes]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OSError(f"{url} is no URL of the web")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connection = http.client.HTTPConnection(parts.hostname, port)
        try:
            connection.sock = self._connected(parts.hostname, port, parts.scheme == "https", deadline)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"accept": "*/*", "user-agent": "apim lint"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("location"), self._content(answer, connection.sock, deadline, url)
        except http.client.HTTPException as error:
            raise OSError(f"{url} cannot be read: {type(error).__name__} {error}") from None
        finally:
            connection.close()

    def _content(
        self, answer: http.client.HTTPResponse, connected: socket.socket | None, deadline: float, url: str
    ) -> bytes:
        content = bytearray()
        while chunk := answer.read1(_CHUNK):
            content += chunk
            if len(content) > self.largest:
                raise OSError(f"{url} has more than {self.largest:,} bytes")
            left = _left(deadline)
            if connected is not None:
                connected.settimeout(left)
        return bytes(content)

    def _connected(self, host: str, port: int, secure: bool, deadline: float) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self.private and not _public(address):
                raise OSError(f"{host} is {address}, a private address: allow those with --allow-private-addresses")
        connected = socket.create_connection((addresses[0], port), timeout=_left(deadline))
        if not secure:
            return connected
        try:
            return ssl.create_default_context().wrap_socket(connected, server_hostname=host)
        except BaseException:
            connected.close()
            raise


def _public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (parsed if mapped is None else mapped).is_global and not parsed.is_multicast


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left
