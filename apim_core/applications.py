"""The applications of a configuration, found by the keys that they hold."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

from apim_sdk.identity import Application, Subscription

from apim_core.config import model as config

__all__ = ["IDENTIFIERS", "Directory", "application_of"]

IDENTIFIERS = frozenset({"client_id"})
"""Kinds of keys that name an application without proving anything: they are kept as they are."""

_NAMESPACE = uuid.UUID("6f0c8a52-6a0e-4b53-9d0c-5f8d1c6b7e11")


class Directory:
    """Applications by key. Secret keys are held as SHA-256 hashes and looked up by hash."""

    def __init__(self, applications: Iterable[tuple[Application, config.Application]]) -> None:
        self._identified: dict[tuple[str, str], Application] = {}
        self._hashed: dict[bytes, Application] = {}
        for application, written in applications:
            for key in written.keys:
                if key.kind in IDENTIFIERS:
                    self._identified[key.kind, key.value.reveal()] = application
                else:
                    self._hashed[_digest(key.kind, key.value.reveal())] = application

    def find(self, kind: str, value: str) -> Application | None:
        """The application that holds the key; None if nobody does."""
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
        subscriptions=tuple(
            Subscription(each.api, each.plan, str(uuid.uuid5(identity, f"{each.api} {each.version} {each.plan}")))
            for each in written.subscriptions
        ),
        attributes={} if written.owner is None else {"owner": written.owner},
    )
