"""Key managers: connectors to the authorization servers that the gateway trusts."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["KeyManager"]


class KeyManager(Plugin):
    """An authorization server that we trust.

    Keys are JSON Web Keys (RFC 7517) as plain mappings. Two key managers of the same settings are equal, and hash so,
    as ``attrs.frozen`` has it: what was verified by one is then good for the other, over a reload.
    """

    kind: ClassVar[str] = "key manager"

    @property
    def issuer(self) -> str | None:
        """The ``iss`` that its tokens carry (RFC 8414, section 2); None if any is accepted."""
        raise NotImplementedError(f"{type(self).__name__} must define issuer")

    @property
    def generation(self) -> int:
        """Counts up whenever a key leaves the set, so that what was verified by it is forgotten."""
        raise NotImplementedError(f"{type(self).__name__} must define generation")

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...] | Awaitable[tuple[Mapping[str, Any], ...]]:
        """The public keys that a token with this ``kid`` may be signed by.

        Answers at once from what it holds; an awaitable when it has to ask, within its bounds, for a ``kid`` that it
        does not know. Raises OSError where that cannot be told now: what the token says is then not known to be wrong.
        """
        raise NotImplementedError(f"{type(self).__name__} must define keys()")

    @hookimpl
    @classmethod
    def apim_register_key_manager(cls) -> type[KeyManager]:
        """Register the class itself."""
        return cls
