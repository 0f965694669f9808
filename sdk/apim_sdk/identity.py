"""Who calls: the connection's other end, what it presents, and who that turns out to be."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from apim_sdk.fields import Secret

__all__ = [
    "ANONYMOUS",
    "Application",
    "ApplicationKey",
    "Client",
    "Credential",
    "KeyType",
    "Principal",
    "Subscription",
    "SubscriptionState",
    "TLSInfo",
]

KeyType = Literal["production", "sandbox"]
"""For which of a platform's two worlds a key is."""

SubscriptionState = Literal["pending", "active", "paused", "blocked", "production-blocked", "rejected", "closed"]
"""Only an active subscription lets calls in; a production-blocked one lets those with sandbox keys in."""

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
    sent: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    """The certificates that the client sent beside its own, DER, in its order: ten and 32 KiB at most, else none.
    Nobody has verified them."""


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
    state: SubscriptionState = "active"
    key_type: KeyType | None = None
    """The only kind of key that may use it; None if any may."""
    starts: float | None = None
    """From when it holds, in seconds since the epoch; None if from ever."""
    ends: float | None = None
    """Until when it holds, in seconds since the epoch; None if for good."""


@attrs.frozen
class Application:
    """A consumer: what a developer registers, holds keys and subscribes to plans."""

    name: str
    id: str
    owner: str | None = None
    """Who answers for it."""
    tenant: str | None = None
    """The tenant that it belongs to, None where there are no tenants."""
    blocked: bool = False
    """Whether nobody may call on its behalf."""
    attributes: Mapping[str, str] = _NOTHING
    """What else its owner said of it, for policies and the token for the backend."""


@attrs.frozen
class ApplicationKey:
    """What an application is known by: a secret that it presents, or the name that its issuer knows it by."""

    application: Application
    kind: str
    """The kind of credential: ``api-key``, ``client_id``, ``certificate`` ..."""
    id: str
    """Names the key without giving it away, for records and to revoke it by."""
    key_type: KeyType = "production"
    expires: float | None = None
    """Until when it is good, in seconds since the epoch; None if for good."""
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks from which it may be used; from anywhere if there are none."""
    referers: tuple[str, ...] = ()
    """Pages (``host/path``, ``host/*``, ``*.host/*``) whose ``Referer`` it may be used with; any if there are none."""


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
    roles: frozenset[str] = frozenset()
    """Roles of the subject, from a user store or a claim."""
    key_manager: str | None = None
    """Name of the key manager that vouches for the credential; ``client_id`` is one of its own."""
    key_type: KeyType | None = None
    """For which world the credential is, where it says so itself; else the application's key says it."""


ANONYMOUS: Final = Principal("anonymous")
"""Whoever presents no credential. Compared by identity: another principal may bear the same name."""
