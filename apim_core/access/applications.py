"""Applications and keys that come and go with what is stored. They belong to the event loop that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
from apim_sdk.identity import Application, ApplicationKey

__all__ = ["StoredApplications", "StoredKey", "StoredKeys"]


class StoredApplications:
    """Applications by id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Application] = {}
        self.get = self._by_id.get

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._by_id

    def ids(self) -> Iterable[str]:
        """Of all that there are."""
        return self._by_id.keys()

    def put(self, application: Application) -> None:
        """Take an application in, in place of the one of the same id."""
        self._by_id[application.id] = application

    def remove(self, id_: str) -> None:
        """Forget an application, if it is known."""
        self._by_id.pop(id_, None)


@attrs.define(eq=False)
class StoredKey:
    """A key, and whose it is by id: the application may be written in a configuration, change, or be gone."""

    owner: str
    key: ApplicationKey
    digest: str | None = None
    """SHA-256 of a secret key."""
    identifier: tuple[str, str, str | None] | None = None
    """Kind, value and key manager of one that is no secret."""

    def of(self, application: Callable[[str], Application | None]) -> ApplicationKey | None:
        """The key with its application as it is now; None if there is none."""
        owner = application(self.owner)
        if owner is None:
            return None
        if self.key.application is not owner:
            self.key = attrs.evolve(self.key, application=owner)
        return self.key


class StoredKeys:
    """Keys by their values, or the hashes of those."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredKey] = {}
        self._by_digest: dict[str, StoredKey] = {}
        self._by_identifier: dict[tuple[str, str, str | None], StoredKey] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._by_id

    def ids(self) -> Iterable[str]:
        """Of all that there are."""
        return self._by_id.keys()

    def hashed(self, kind: str, digest: str, application: Callable[[str], Application | None]) -> ApplicationKey | None:
        """The secret key of a kind and digest."""
        found = self._by_digest.get(digest)
        return None if found is None or found.key.kind != kind else found.of(application)

    def identified(
        self, kind: str, value: str, key_manager: str | None, application: Callable[[str], Application | None]
    ) -> ApplicationKey | None:
        """The key of a value that is no secret: one for the key manager, else one for any."""
        found = self._by_identifier.get((kind, value, key_manager)) or self._by_identifier.get((kind, value, None))
        return None if found is None else found.of(application)

    def put(self, key: StoredKey) -> None:
        """Take a key in, in place of the one of the same id."""
        self.remove(key.key.id)
        self._by_id[key.key.id] = key
        if key.digest is not None:
            self._by_digest[key.digest] = key
        if key.identifier is not None:
            self._by_identifier[key.identifier] = key

    def remove(self, id_: str) -> None:
        """Forget a key, if it is known."""
        known = self._by_id.pop(id_, None)
        if known is not None:
            self._by_digest.pop(known.digest or "", None)
            if known.identifier is not None:
                self._by_identifier.pop(known.identifier, None)
