"""The applications of a configuration, found by the keys that they hold."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

from apim_sdk.identity import Application, ApplicationKey, Subscription

from apim_core.config import model as config

__all__ = ["IDENTIFIERS", "Directory", "application_of", "subscriptions_of"]

IDENTIFIERS = frozenset({"client_id"})
"""Kinds of keys that name an application without proving anything: they are kept as they are."""

_NAMESPACE = uuid.UUID("6f0c8a52-6a0e-4b53-9d0c-5f8d1c6b7e11")


class Directory:
    """Applications by key. Secret keys are held as SHA-256 hashes and looked up by hash."""

    def __init__(self, applications: Iterable[tuple[Application, config.Application]]) -> None:
        self._identified: dict[tuple[str, str], ApplicationKey] = {}
        self._hashed: dict[bytes, ApplicationKey] = {}
        for application, written in applications:
            for key in written.keys:
                value = key.value.reveal()
                if key.kind in IDENTIFIERS:
                    self._identified[key.kind, value] = ApplicationKey(application, key.kind, value)
                else:
                    digest = _digest(key.kind, value)
                    self._hashed[digest] = ApplicationKey(application, key.kind, digest.hex()[:16])

    def find(self, kind: str, value: str, key_manager: str | None = None) -> ApplicationKey | None:
        """The key that an application holds; None if nobody does."""
        if kind in IDENTIFIERS:
            return self._identified.get((kind, value))
        return self._hashed.get(_digest(kind, value))


def _digest(kind: str, value: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "surrogatepass")).digest()


def application_of(written: config.Application) -> Application:
    """The application as plugins see it. Ids are name-based UUIDs, the same on every node (RFC 9562, section 5.5)."""
    identity = uuid.uuid5(_NAMESPACE, written.name)
    return Application(
        name=written.name,
        id=str(identity),
        owner=written.owner,
    )


def subscriptions_of(written: config.Application) -> tuple[Subscription, ...]:
    """The subscriptions of an application, in their order; their ids are name-based too."""
    identity = uuid.uuid5(_NAMESPACE, written.name)
    return tuple(
        Subscription(each.api, each.plan, str(uuid.uuid5(identity, f"{each.api} {each.version} {each.plan}")))
        for each in written.subscriptions
    )
