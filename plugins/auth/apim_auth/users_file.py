"""Users from a file as ``htpasswd -B`` writes it, and their roles from one like Apache's ``AuthGroupFile``."""

from __future__ import annotations

from pathlib import Path

from apim_auth.rereading import Rereading
from apim_auth.users import User
from apim_auth.users_passwords import UnfitHash, check_hash
from apim_auth.users_table import UserTable

__all__ = ["UserFile"]


class UserFile(Rereading[UserTable]):
    """The users of a file; see ``Users``."""

    def __init__(self, file: Path, groups: Path | None) -> None:
        def read() -> UserTable:
            return UserTable(_users_of(file), {} if groups is None else _roles_of(groups))

        super().__init__((file,) if groups is None else (file, groups), read, UserTable({}))

    async def check(self, name: str, password: str) -> User | None:
        """See ``Users``."""
        return await self.value.check(name, password)


def _users_of(file: Path) -> dict[str, str]:
    """Hashes by user."""
    hashes: dict[str, str] = {}
    for number, line in _lines(file):
        name, colon, text = line.partition(":")
        if not colon or not name:
            raise ValueError(f"{file}, line {number}: write user:hash, as `htpasswd -B` does")
        if name in hashes:
            raise ValueError(f"{file}, line {number}: the user {name!r} is there already")
        try:
            check_hash(text)
        except UnfitHash as error:
            raise ValueError(f"{file}, line {number}: {error}; set it anew with `htpasswd -B`") from error
        hashes[name] = text
    return hashes


def _roles_of(file: Path) -> dict[str, frozenset[str]]:
    """Roles by user, from lines that name a role and its users."""
    roles: dict[str, frozenset[str]] = {}
    for number, line in _lines(file):
        role, colon, members = line.partition(":")
        if not colon or not role.strip():
            raise ValueError(f"{file}, line {number}: write role: user user ...")
        for name in members.split():
            roles[name] = roles.get(name, frozenset()) | {role.strip()}
    return roles


def _lines(file: Path) -> list[tuple[int, str]]:
    """Lines with their numbers, without empty ones and comments."""
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not in UTF-8") from error
    lines = enumerate((line.strip() for line in text.splitlines()), 1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
