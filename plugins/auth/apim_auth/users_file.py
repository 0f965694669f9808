"""Users from a file as ``htpasswd -B`` writes it, and their roles from one like Apache's ``AuthGroupFile``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from apim_sdk import Logger

from apim_auth.users import User
from apim_auth.users_passwords import UnfitHash, check_hash
from apim_auth.users_table import UserTable

__all__ = ["UserFile"]

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether a file has changed."""


class UserFile:
    """The users of a file, which is read again when it has changed. What cannot be read changes nothing."""

    def __init__(self, file: Path, groups: Path | None) -> None:
        self.generation = 0
        self._file = file
        self._groups = groups
        self._table = UserTable({})
        self._seen: object = None

    async def refresh(self) -> None:
        """Read the files if they have changed. Raises OSError, or ValueError naming the line that is no good."""
        seen = await asyncio.to_thread(self._look)
        if seen == self._seen:
            return
        table = await asyncio.to_thread(self._read)
        self._table, self._seen = table, seen
        self.generation += 1

    async def keep_fresh(self, log: Logger) -> None:
        """Read the files again whenever they have changed."""
        said = ""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self.refresh()
                said = ""
            except (OSError, ValueError) as error:
                if said != str(error):
                    said = str(error)
                    log.error("A file of users cannot be used; the users from before stay", error=said)  # noqa: TRY400  # what is wrong is in the file

    async def check(self, name: str, password: str) -> User | None:
        """See ``Users``."""
        return await self._table.check(name, password)

    def _look(self) -> object:
        """What changes when a file is written or replaced."""
        files = (self._file,) if self._groups is None else (self._file, self._groups)
        states = [file.stat() for file in files]
        return [(state.st_mtime_ns, state.st_size, state.st_ino) for state in states]

    def _read(self) -> UserTable:
        return UserTable(_users_of(self._file), {} if self._groups is None else _roles_of(self._groups))


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
