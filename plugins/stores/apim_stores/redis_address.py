"""Where a Redis or Valkey server is, and how it is spoken to."""

from __future__ import annotations

import ssl
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
from apim_sdk import Secret

__all__ = ["Address", "Sentinels", "address_of", "check_url"]

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379


@attrs.frozen
class Address:
    """One server. ``path`` is that of a Unix socket, and then there is no host."""

    host: str = ""
    port: int = _PORT
    path: str = ""
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def at(self, host: str, port: int) -> Address:
        """The same way to speak to another server."""
        return attrs.evolve(self, host=host, port=port)


def address_of(url: str, tls: ssl.SSLContext | None) -> Address:
    """The server of a URL that ``check_url`` let pass; ``tls`` is used where the scheme is ``rediss``."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    is_path = parts.scheme == "unix"
    written = query.get("db", [""])[0] or ("" if is_path else parts.path.strip("/"))
    return Address(
        host="" if is_path else parts.hostname or "127.0.0.1",
        port=parts.port or _PORT if not is_path else 0,
        path=unquote(parts.path) if is_path else "",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(written or 0),
        tls=tls if parts.scheme == "rediss" else None,
    )


def check_url(instance: Any, attribute: attrs.Attribute[Any], value: Secret) -> None:
    """Refuse what is no URL of a server. Its text may hold a password, so no message shows it."""
    parts = urlsplit(value.reveal())
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("write redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path")
    try:
        address_of(value.reveal(), None)
    except ValueError:
        raise ValueError("its port and the number of its database must be numbers") from None


def _sentinel(text: str) -> tuple[str, int]:
    """Host and port of a Sentinel. Raises ValueError."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.path or parts.username:
        raise ValueError(f"{text!r} is no address of a Sentinel: write host:port")
    return parts.hostname, parts.port or _SENTINEL_PORT


@attrs.frozen
class Sentinels:
    """The Sentinels that know which server is the master."""

    addresses: tuple[str, ...] = attrs.field(validator=attrs.validators.min_len(1))
    """Where they are: `host:port`."""
    username: str | None = None
    """User name at the Sentinels."""
    password: Secret | None = None
    """Password at the Sentinels."""

    def __attrs_post_init__(self) -> None:
        for address in self.addresses:
            _sentinel(address)

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """Their hosts and ports."""
        return tuple([_sentinel(address) for address in self.addresses])

    @property
    def credentials(self) -> dict[str, str]:
        """What to present to them."""
        found = {"username": self.username, "password": self.password and self.password.reveal()}
        return {name: value for name, value in found.items() if value}
