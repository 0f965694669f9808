"""A connection to an LDAP server (RFC 4511): one operation after the other."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from apim_auth import ldap_messages as ldap
from apim_auth.ldap_messages import Entry, InvalidMessage, Result

__all__ = ["LDAPConnection", "LDAPRefusal", "connect"]

_LARGEST: Final = 1 << 20
"""Bytes of the largest message that is read."""
_SUCCESS, _SIZE_LIMIT_EXCEEDED = 0, 4
_WRONG_CREDENTIALS: Final = frozenset((32, 34, 49, 50, 53))
"""Results of a bind that tell of the credentials: noSuchObject, invalidDNSyntax, invalidCredentials,
insufficientAccessRights, unwillingToPerform (section 4.1.9)."""


class LDAPRefusal(ConnectionError):
    """The server does not do what it is asked; ``code`` says why (section 4.1.9)."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"the LDAP server answers with the result {result.code}: {result.message}")
        self.code = result.code


async def connect(host: str, port: int, tls: ssl.SSLContext | None, *, start_tls: bool) -> LDAPConnection:
    """A new connection: in TLS from the first byte on, or after asking for it. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port, ssl=None if start_tls else tls)
    connection = LDAPConnection(reader, writer)
    if start_tls and tls is not None:
        try:
            await connection.start_tls(tls, host)
        except BaseException:
            connection.close()
            raise
    return connection


class LDAPConnection:
    """Used by one task at a time; after an error it is good for nothing but ``close``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    @property
    def closed(self) -> bool:
        """Whether the server has gone."""
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        """End the connection without a word."""
        self._writer.transport.abort()

    async def start_tls(self, tls: ssl.SSLContext, host: str) -> None:
        """Go on in TLS (section 4.14). Raises OSError."""
        result = await self.ask(ldap.start_tls(), ldap.EXTENDED_RESPONSE)
        if result.code != _SUCCESS:
            raise LDAPRefusal(result)
        await self._writer.start_tls(tls, server_hostname=host)

    async def bind(self, dn: str, password: str) -> bool:
        """Whether the server takes name and password. Raises OSError where that cannot be told."""
        result = await self.ask(ldap.bind(dn, password), ldap.BIND_RESPONSE)
        if result.code not in _WRONG_CREDENTIALS and result.code != _SUCCESS:
            raise LDAPRefusal(result)
        return result.code == _SUCCESS

    async def search(self, base: str, wanted: bytes, attribute: str, *, most: int, seconds: int) -> tuple[Entry, ...]:
        """At most so many entries below ``base`` that fit the filter, with one attribute. Raises OSError."""
        entries: list[Entry] = []
        await self._send(ldap.search(base, wanted, attribute, most, seconds))
        while True:
            tag, content = await self._receive()
            if tag == ldap.ENTRY:
                entries.append(ldap.entry_of(content))
            elif tag == ldap.SEARCH_DONE:
                result = ldap.result_of(content)
                if result.code not in (_SUCCESS, _SIZE_LIMIT_EXCEEDED):
                    raise LDAPRefusal(result)
                return tuple(entries[:most])
            elif tag != ldap.REFERENCE:  # other servers are not asked
                raise InvalidMessage(f"the answer to a search is of the kind {tag:#x}")
            if len(entries) > most:
                raise InvalidMessage(f"more than {most} entries came")

    async def ask(self, operation: bytes, expected: int) -> Result:
        """What comes of an operation with one response. Raises OSError."""
        await self._send(operation)
        tag, content = await self._receive()
        if tag != expected:
            raise InvalidMessage(f"an answer is of the kind {tag:#x}")
        return ldap.result_of(content)

    async def _send(self, operation: bytes) -> None:
        self._number += 1
        self._writer.write(ldap.message(self._number, operation))
        await self._writer.drain()

    async def _receive(self) -> tuple[int, bytes]:
        """Tag and content of the next response to the last operation."""
        try:
            head = await self._reader.readexactly(2)
            if head[1] >= 0x80:
                head += await self._reader.readexactly(head[1] & 0x7F)
            size = int.from_bytes(head[2:], "big") if len(head) > 2 else head[1]
            if size > _LARGEST or (len(head) == 2 and head[1] == 0x80):
                raise InvalidMessage("a message is too large")
            parts = list(ldap.elements(await self._reader.readexactly(size)))
        except asyncio.IncompleteReadError:
            raise ConnectionError("the LDAP server has closed the connection") from None
        if head[0] != 0x30 or len(parts) < 2 or int.from_bytes(parts[0][1], "big") != self._number:
            raise InvalidMessage("a message does not answer to what was asked")
        return parts[1]
