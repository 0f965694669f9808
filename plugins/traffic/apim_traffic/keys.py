"""What calls are counted by: who or what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from apim_sdk import ANONYMOUS, Exchange, Expression

__all__ = ["PRESETS", "Key", "key_of"]

Key = Callable[[Exchange], Hashable]

_LONGEST: Final = 64
"""Longest text that is kept as it is; a client must not fill the memory with long ones."""


def _api(exchange: Exchange) -> Hashable:
    api = exchange.api
    return api.name, api.version


def _operation(exchange: Exchange) -> Hashable:
    api = exchange.api
    operation = exchange.operation
    return api.name, api.version, operation.method, operation.template


def _plan(exchange: Exchange) -> Hashable:
    api = exchange.api
    return api.name, api.version, exchange.plan and exchange.plan.name


def _ip(exchange: Exchange) -> Hashable:
    """The address; of IPv6 the /64 network, which is what one subscriber holds."""
    return exchange.client.address.packed[:8]


def _application(exchange: Exchange) -> Hashable:
    application = exchange.application
    return _ip(exchange) if application is None else application.id


def _subscription(exchange: Exchange) -> Hashable:
    subscription = exchange.subscription
    return _application(exchange) if subscription is None else subscription.id


def _subject(exchange: Exchange) -> Hashable:
    principal = exchange.principal
    if principal is None or principal is ANONYMOUS:
        return _ip(exchange)
    return principal.issuer, principal.subject


PRESETS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        "api": _api,
        "operation": _operation,
        "plan": _plan,
        "application": _application,
        "subscription": _subscription,
        "ip": _ip,
        "principal.subject": _subject,
    }
)
"""The keys that have a name. Where a call has no application, subscription or subject, its address stands in."""


def key_of(expression: Expression) -> Key:
    """The value of an expression as a key; of any type, and short."""
    evaluate = expression.evaluate

    def key(exchange: Exchange) -> Hashable:
        value = evaluate(exchange)
        text = value if isinstance(value, str) else repr(value)
        return (
            text if len(text) <= _LONGEST else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        )

    return key
