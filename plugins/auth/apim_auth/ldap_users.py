"""Users of an LDAP directory (RFC 4511): found by a search, their passwords tried by a bind."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
from apim_sdk import Duration, Secret

from apim_auth.ldap_connection import LDAPConnection, connect
from apim_auth.ldap_filter import ATTRIBUTE, encode_filter, escape
from apim_auth.ldap_messages import Entry
from apim_auth.users import User

__all__ = ["LDAPDirectory", "LDAPUsers"]

_PORTS: Final = {"ldap": 389, "ldaps": 636}
_MOST_ROLES: Final = 1000
_COMPARED: Final = re.compile(r"\(([A-Za-z0-9.;-]+)=\{user\}\)")
_NO_ATTRIBUTE: Final = "1.1"
"""Asks for none (RFC 4511, section 4.5.1.8)."""


@attrs.frozen
class LDAPDirectory:
    """An LDAP directory."""

    url: str
    """Server: `ldaps://host` or `ldap://host`, with a port if it is another than usual."""
    base: str
    """Where users are searched, such as `ou=people,dc=example`."""
    filter: str = "(uid={user})"
    """Filter that finds a user (RFC 4515), in which `{user}` stands for the name."""
    name_attribute: str | None = None
    """Attribute of the user's entry that says what the user is called from then on; without it, the one that `filter`
    compares with `{user}`, if that is one: directories take `ANNA` for `anna`, limits and policies do not."""
    bind_dn: str | None = None
    """Who searches; without it, nobody in particular (anonymous)."""
    bind_password: Secret | None = None
    """Password of `bind_dn`."""
    start_tls: bool = True
    """Whether a connection to `ldap://` turns to TLS before anything else; without it, passwords can be read on the
    way."""
    ca: Path | None = None
    """PEM file of the authorities that vouch for the server; without it, those of the system."""
    group_base: str | None = None
    """Where groups are searched that have the user as a member; without it, users have no roles."""
    group_filter: str = "(member={dn})"
    """Filter that finds the groups of a user, in which `{dn}` stands for the user's distinguished name and `{user}` for
    the name."""
    role_attribute: str = "cn"
    """Attribute of a group that names the role."""
    timeout: Duration = Duration("5s")
    """For a whole check, connecting included."""
    connections: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    """How many connections for searching are kept; as many passwords are tried at a time."""

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{self.url!r} is no LDAP server: write ldaps://host or ldap://host:port")
        if "{user}" not in self.filter:
            raise ValueError("`filter` must hold {user}, else it finds the same user for every name")
        if "{dn}" not in self.group_filter and "{user}" not in self.group_filter:
            raise ValueError("`group_filter` must hold {dn} or {user}, else everybody has the same roles")
        encode_filter(self.filter.replace("{user}", "user"))
        encode_filter(self.group_filter.replace("{user}", "user").replace("{dn}", "dn"))
        if self.name_attribute is not None and ATTRIBUTE.fullmatch(self.name_attribute) is None:
            raise ValueError(f"`name_attribute`: {self.name_attribute!r} is no attribute")
        if (self.bind_dn is None) != (self.bind_password is None):
            raise ValueError("`bind_dn` and `bind_password` go together")


class LDAPUsers:
    """See ``Users``. Connections for searching are kept; a password is tried on a connection of its own.

    Raises OSError (``ssl.SSLError`` among them) where the file of authorities is no good.
    """

    generation = 0

    def __init__(self, directory: LDAPDirectory) -> None:
        self._directory = directory
        parts = urlsplit(directory.url)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._start_tls = directory.start_tls and parts.scheme == "ldap"
        self._tls = None
        if self._start_tls or parts.scheme == "ldaps":
            self._tls = ssl.create_default_context(cafile=None if directory.ca is None else str(directory.ca))
        compared = {match[1].lower() for match in _COMPARED.finditer(directory.filter)}
        self._name_attribute = directory.name_attribute or (compared.pop() if len(compared) == 1 else _NO_ATTRIBUTE)
        self._slots = asyncio.Semaphore(directory.connections)
        self._idle: list[LDAPConnection] = []

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    async def check(self, name: str, password: str) -> User | None:
        """See ``Users``: raises OSError (TimeoutError) where the directory is away, slow, or refuses to search."""
        async with asyncio.timeout(self._directory.timeout), self._slots:
            return await self._check(name, password)

    async def _check(self, name: str, password: str) -> User | None:
        directory = self._directory
        wanted = directory.filter.replace("{user}", escape(name))
        found = await self._search(directory.base, wanted, self._name_attribute, most=2)
        # Who is not there is tried all the same, so that it takes as long.
        dn = found[0].dn if len(found) == 1 else f"cn=nobody,{directory.base}"
        # A bind without a password succeeds as nobody (RFC 4513, section 5.1.2): it is never tried.
        right = await self._bind(dn, password or "-")
        if len(found) != 1 or not password or not right:
            return None
        name = _as_written(name, found[0].attributes.get(self._name_attribute.lower(), ()))
        return User(name, await self._roles(name, dn))

    async def _roles(self, name: str, dn: str) -> frozenset[str]:
        directory = self._directory
        if directory.group_base is None:
            return frozenset()
        # Both at once, for a name may hold what looks like the other.
        parts = [part.replace("{user}", escape(name)) for part in directory.group_filter.split("{dn}")]
        groups = await self._search(
            directory.group_base, escape(dn).join(parts), directory.role_attribute, most=_MOST_ROLES
        )
        return frozenset(
            role for group in groups for role in group.attributes.get(directory.role_attribute.lower(), ())
        )

    async def _bind(self, dn: str, password: str) -> bool:
        """Whether it is the password of the entry."""
        connection = await self._connect()
        try:
            return await connection.bind(dn, password)
        finally:
            connection.close()

    async def _search(self, base: str, wanted: str, attribute: str, *, most: int) -> tuple[Entry, ...]:
        """Entries, by a connection that is kept; by a new one where none is, or the server has closed it."""
        encoded, seconds = encode_filter(wanted), max(1, int(self._directory.timeout))
        while self._idle:
            connection = self._idle.pop()
            if connection.closed:
                connection.close()
                continue
            async with self._keeping(connection):
                return await connection.search(base, encoded, attribute, most=most, seconds=seconds)
        async with self._keeping(await self._connect()) as connection:
            if self._directory.bind_dn is not None and self._directory.bind_password is not None:
                await self._introduce(connection, self._directory.bind_dn, self._directory.bind_password)
            return await connection.search(base, encoded, attribute, most=most, seconds=seconds)

    async def _introduce(self, connection: LDAPConnection, dn: str, password: Secret) -> None:
        if not await connection.bind(dn, password.reveal()):
            raise ConnectionError(
                f"{self._directory.url} does not let {dn} search: `bind_dn` or `bind_password` is wrong"
            )

    @asynccontextmanager
    async def _keeping(self, connection: LDAPConnection) -> AsyncIterator[LDAPConnection]:
        """A connection that is kept for the next search, unless this one fails or is given up."""
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    async def _connect(self) -> LDAPConnection:
        return await connect(self._host, self._port, self._tls, start_tls=self._start_tls)


def _as_written(name: str, values: tuple[str, ...]) -> str:
    """The name as the directory has it; as it was typed where the directory does not say it."""
    same = (value for value in values if value.casefold() == name.casefold())
    return next(same, values[0] if values else name)
