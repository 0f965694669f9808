"""Who calls: the connection's other end, what it presents, and who that turns out to be."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Any, Final

import attrs

from apim_sdk.fields import Secret

__all__ = ["ANONYMOUS", "Application", "Client", "Credential", "Principal", "Subscription", "TLSInfo"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen
class TLSInfo:
    """What the TLS handshake of a connection agreed on."""

    version: str
    """Protocol version, ``TLSv1.3``."""
    cipher: str
    """Name of the cipher suite."""
    server_name: str | None = None
    """The name that the client asked for (SNI)."""
    certificate: bytes | None = attrs.field(default=None, repr=False)
    """The client's certificate, DER, if it presented one that its CA vouches for."""


@attrs.frozen
class Client:
    """The client of an exchange.

    ``address`` is who the client is once trusted proxies have been looked through; ``peer`` is the other end of the
    connection itself.
    """

    address: IPv4Address | IPv6Address
    port: int = 0
    peer: IPv4Address | IPv6Address = attrs.field(default=attrs.Factory(lambda self: self.address, takes_self=True))
    trusted: bool = False
    """Whether the peer is a proxy that may speak for its clients."""
    tls: TLSInfo | None = None


@attrs.frozen
class Credential:
    """What a client presented: found, not yet judged."""

    scheme: str
    """The kind: ``bearer``, ``api-key``, ``basic`` ..."""
    value: Secret
    """The credential itself; it is never logged."""


@attrs.frozen
class Subscription:
    """An application's plan for an API."""

    api: str
    plan: str
    id: str


@attrs.frozen
class Application:
    """A consumer: what a developer registers, holds keys and subscribes to plans."""

    name: str
    id: str
    subscriptions: tuple[Subscription, ...] = ()
    attributes: Mapping[str, str] = _NOTHING


@attrs.frozen
class Principal:
    """Who the client turned out to be.

    ``scopes`` are what the credential grants; ``claims`` what its issuer says (the ``scope`` claim always as a list);
    ``client_id`` names the application at its issuer, for the gateway to find the application by.
    """

    subject: str
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = _NOTHING
    client_id: str | None = None
    application: Application | None = None
    issuer: str | None = None
    expires: float | None = None
    """Seconds since the epoch, None if the credential does not expire."""


ANONYMOUS: Final = Principal("anonymous")
"""Whoever presents no credential. Compared by identity: another principal may bear the same name."""
