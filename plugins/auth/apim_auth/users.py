"""Users and where they are kept: what a password is held against."""

from __future__ import annotations

from typing import Protocol

import attrs

__all__ = ["User", "Users"]


@attrs.frozen
class User:
    """A user whose password was right."""

    name: str
    roles: frozenset[str] = frozenset()


class Users(Protocol):
    """Where users are kept."""

    @property
    def generation(self) -> int:
        """Counts up when a user may have changed or gone, so that nothing is remembered of before."""

    async def check(self, name: str, password: str) -> User | None:
        """The user, if the password is theirs. Whether there is no such user or the password is wrong neither the
        answer nor the time it takes gives away. Raises OSError where that cannot be told now."""
