"""Which calls are protected together: those to one endpoint, unless an operator says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Final

from apim_sdk import Exchange, Expression

from apim_traffic.keys import PARTS, key_of

__all__ = ["ENDPOINT", "described", "digest_of", "key_named"]

ENDPOINT: Final = "endpoint"
"""The name of the key that tells endpoints apart."""


def _endpoint(exchange: Exchange) -> Hashable:
    api = exchange.api
    operation = exchange.operation
    if operation.own_endpoint:
        return api.name, api.version, operation.method, operation.template
    return (api.name, api.version, "sandbox") if exchange.key_type == "sandbox" else (api.name, api.version)


def key_named(word: str) -> Callable[[Exchange], Hashable]:
    """The key of that name (``endpoint``, or one of ``keys.PARTS``), else the value of a CEL expression."""
    if word == ENDPOINT:
        return _endpoint
    return key_of(word if word in PARTS else Expression(word))


def digest_of(key: Hashable) -> str:
    """A short name for a key of any kind: the same on every node."""
    return blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def described(key: Hashable, word: str) -> str:
    """A key as the log may show it: what came out of an expression may be a credential, so of that only a digest."""
    if word == ENDPOINT and isinstance(key, tuple):
        return " ".join(map(str, key))
    if word in ("api", "operation") and isinstance(key, str):
        return key.replace("\n", " ")
    return f"{word} #{digest_of(key)}"
