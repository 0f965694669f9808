"""One connection to a Redis or Valkey server, on which any number of commands wait for their answers.

redis-py has a connection of its own for each command that waits, and takes tens of microseconds for each. Counters ask
in bursts and need neither: here commands are written at once, and answers come in the order of commands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from apim_stores.redis_address import Address
from apim_stores.resp import Parser, Reply, ReplyError, command

__all__ = ["Connection", "connect"]

Taker = Callable[["Reply | ConnectionError"], None]
"""Is given the answer to a command, or the error that there will be none."""

_CONNECT_TIMEOUT: Final = 2.0


class Connection(asyncio.Protocol):
    """See the module. ``lost`` is set when it has ended."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.lost = asyncio.Event()
        self._parser = Parser()
        self._waiting: deque[Taker] = deque()
        self._reason = "the connection ended"

    def send(self, data: bytes, *takers: Taker) -> None:
        """Send commands; each taker is called once, in order. Where the connection has ended, they are called soon."""
        if self.lost.is_set():
            error = self._error()
            for taker in takers:
                asyncio.get_running_loop().call_soon(taker, error)
            return
        self._waiting.extend(takers)
        self._transport.write(data)

    async def ask(self, *arguments: bytes) -> Any:
        """The answer to one command. Raises ReplyError and ConnectionError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def take(reply: Reply | ConnectionError) -> None:
            if not answer.done():
                answer.set_result(reply)

        self.send(command(*arguments), take)
        reply = await answer
        if isinstance(reply, Exception):
            raise reply
        return reply

    def abort(self, reason: str) -> None:
        """End it at once: ``reason`` is what those get who wait."""
        self._reason = reason
        self._transport.abort()

    def close(self) -> None:
        """End it when what was written has gone."""
        self._reason = "the connection was closed"
        self._transport.close()

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for reply in self._parser.feed(data):
                if not self._waiting:
                    self.abort("it answered what nobody had asked")
                    return
                self._waiting.popleft()(reply)
        except ConnectionError as error:  # broken, as a taker may find, too
            self.abort(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._reason = str(error) or type(error).__name__
        self.lost.set()
        failure = self._error()
        while self._waiting:
            self._waiting.popleft()(failure)

    def _error(self) -> ConnectionError:
        return ConnectionError(f"Redis at {self.address}: {self._reason}")


async def connect(address: Address, *setting_up: tuple[bytes, ...]) -> Connection:
    """A connection on which ``setting_up`` has been done. Raises OSError, with what the server said."""
    loop = asyncio.get_running_loop()
    connection = Connection(address)
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            if address.path:
                await loop.create_unix_connection(lambda: connection, address.path)
            else:
                name = address.host if address.tls is not None else None
                await loop.create_connection(
                    lambda: connection, address.host, address.port, ssl=address.tls, server_hostname=name
                )
            try:
                for step in (*_greeting(address), *setting_up):
                    await connection.ask(*step)
            except BaseException:
                connection.abort("it could not be set up")
                raise
    except ReplyError as error:
        raise ConnectionError(f"Redis at {address}: {error}") from None
    except TimeoutError as error:
        raise TimeoutError(f"Redis at {address} cannot be reached within {_CONNECT_TIMEOUT:g} s") from error
    except (OSError, UnicodeError) as error:  # a host may be no name at all
        if isinstance(error, ConnectionError) and str(error).startswith("Redis at"):
            raise
        raise ConnectionError(f"Redis at {address} cannot be reached: {error}") from error
    return connection


def _greeting(address: Address) -> list[tuple[bytes, ...]]:
    """The commands that say who we are."""
    steps: list[tuple[bytes, ...]] = []
    if address.username:
        steps.append((b"AUTH", address.username.encode(), address.password.encode()))
    elif address.password:
        steps.append((b"AUTH", address.password.encode()))
    if address.database:
        steps.append((b"SELECT", b"%d" % address.database))
    return steps
