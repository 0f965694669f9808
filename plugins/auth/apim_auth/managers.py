"""Which key manager vouches for a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from apim_sdk import Context, KeyManager

from apim_auth.claims import InvalidClaims

__all__ = ["KeyManagers"]


@attrs.frozen
class KeyManagers:
    """The key managers whose tokens are accepted, by name, in the order in which they are asked."""

    named: tuple[tuple[str | None, KeyManager], ...]
    """Each with its name; None for one that has none."""

    @classmethod
    def of(cls, context: Context, names: tuple[str, ...]) -> KeyManagers:
        """Those of these names, without any all that are taken where the plugin stands. Raises LookupError."""
        taken = context.key_managers
        if not names:
            if not taken:
                raise LookupError("there is no key manager whose tokens could be accepted: configure one")
            return cls(tuple(taken.items()))
        for name in names:
            context.key_manager(name)  # which says what there is, if there is none of that name
            if name not in taken:
                raise LookupError(
                    f"tokens of the key manager {name!r} are not accepted here; its API does not allow it"
                )
        return cls(tuple((name, taken[name]) for name in names))

    def of_token(self, claims: Mapping[str, Any]) -> tuple[str | None, KeyManager]:
        """Name and key manager by which the token says that it is. Raises InvalidClaims where it is none of these."""
        for named in self.named:
            if named[1].issues(claims):
                return named
        raise InvalidClaims("the token is by another issuer")
