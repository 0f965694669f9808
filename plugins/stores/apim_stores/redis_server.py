"""A store on a Redis or Valkey server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any, Final

from apim_sdk import Change
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from apim_stores import redis_scripts as scripts
from apim_stores.backend import Backend
from apim_stores.following import News, Page
from apim_stores.keys import key_bytes, span_of

__all__ = ["RedisServer"]

_PAGE: Final = 500
"""How many values, or changes, are read at once."""
_SWEEP: Final = 0.5
"""Seconds after which it is looked for values that have expired."""
_BREATH: Final = 0.02
"""Seconds between two times that followers are woken, so that many changes come together."""
_BLOCK: Final = 1.0
"""Seconds that the server is asked to wait for news."""


class RedisServer(Backend[bytes]):
    """Values on a server; a position is the id of an entry in its log. Shared by all snapshots of a process.

    The first of ``clients`` sends each command once; all are closed with it. Where an answer is lost, whether the
    command was carried out is for the caller to find out.
    """

    poll = 1.0  # XREAD wakes followers; this is for what it missed

    def __init__(self, clients: Sequence[Redis], prefix: str, timeout: float, connections: int, log_size: int) -> None:
        super().__init__()
        self._clients = clients
        self._client = client = clients[0]
        self._timeout = timeout
        self._free = asyncio.Semaphore(connections)
        self._log_size = str(log_size).encode()
        start = prefix.encode()
        self._values, self._log = start + b"value:", start + b"changes"
        self._index, self._expiries = start + b"keys", start + b"expiries"
        register = client.register_script
        self._put, self._add = register(scripts.PUT), register(scripts.ADD)
        self._replace, self._take = register(scripts.REPLACE), register(scripts.TAKE)
        self._delete, self._sweep = register(scripts.DELETE), register(scripts.SWEEP)
        self._page, self._news, self._end = register(scripts.PAGE), register(scripts.NEWS), register(scripts.END)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._spawn("sweep", self._keep_swept())

    async def ping(self) -> None:
        """Have the server answer. Raises OSError."""
        await self._call(self._client.ping())

    async def aclose(self) -> None:
        """End what runs, and close the connections."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for client in self._clients:
            await client.aclose()

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._call(self._client.get(self._values + key_bytes(key)))
        return value

    async def put(self, key: str, value: bytes, expires_in: float | None) -> None:
        await self._write(self._put, key, value, _milliseconds(expires_in))

    async def add(self, key: str, value: bytes, expires_in: float | None) -> bool:
        return bool(await self._write(self._add, key, value, _milliseconds(expires_in)))

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None) -> bool:
        return bool(await self._write(self._replace, key, new, _milliseconds(expires_in), old))

    async def take(self, key: str) -> bytes | None:
        value: bytes | None = await self._write(self._take, key)
        return value

    async def delete(self, key: str) -> None:
        await self._write(self._delete, key)

    async def end(self) -> bytes:
        self._spawn("watch", self._watch())
        position: bytes = await self._call(self._end([self._log]))
        return position

    async def pages(self, prefix: str) -> AsyncGenerator[Page, None]:
        first, end = span_of(prefix)
        low, high = (b"[" + first, b"(" + end) if first else (b"-", b"+")
        last = False
        while not last:
            found = await self._call(self._page([self._index], [self._values, low, high, _PAGE]))
            last = len(found) < 2 * _PAGE
            low = b"(" + found[-2] if found else low
            yield Page(tuple([change for change in _changes(found) if change.value is not None]), last)

    async def news(self, position: bytes, prefix: str) -> News[bytes] | None:
        found = await self._call(self._news([self._log], [self._values, position, prefix.encode(), _PAGE]))
        return None if found is None else News(_changes(found[2:]), found[0], bool(found[1]))

    async def _write(self, script: Any, key: str, *arguments: bytes) -> Any:
        name = key_bytes(key)
        keys = [self._values + name, self._index, self._expiries, self._log]
        return await self._call(script(keys, [name, self._log_size, *arguments]))

    async def _call(self, command: Any, patience: float = 0.0) -> Any:
        """The answer to a command. Raises OSError where there is none, or where it is an error."""
        try:
            async with asyncio.timeout(self._timeout + patience), self._free:
                return await command
        except (TimeoutError, RedisTimeoutError) as error:
            raise TimeoutError(f"Redis has not answered within {self._timeout:g} s") from error
        except RedisError as error:
            raise ConnectionError(f"Redis: {error}") from error
        finally:
            if asyncio.iscoroutine(command):
                command.close()  # where it was never awaited, for want of a free connection

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        if name in self._tasks:
            work.close()
        else:
            self._tasks[name] = asyncio.get_running_loop().create_task(work, name=f"redis {name}")

    async def _keep_swept(self) -> None:
        keys = [self._index, self._expiries, self._log]
        while True:
            with contextlib.suppress(OSError):  # whoever uses the store is told
                await self._call(self._sweep(keys, [self._values, self._log_size, _PAGE]))
            await asyncio.sleep(_SWEEP)

    async def _watch(self) -> None:
        """Wake followers when the log grows, and when the server comes back."""
        while True:
            try:
                newest = await self._call(self._end([self._log]))
                self.wake()
                await asyncio.sleep(_BREATH)
                block = int(min(_BLOCK, self._timeout / 2) * 1000)
                await self._call(self._client.xread({self._log: newest}, count=1, block=block), _BLOCK)
            except OSError:  # followers find out for themselves
                await asyncio.sleep(_SWEEP)


def _milliseconds(expires_in: float | None) -> bytes:
    """As the scripts take it: nothing for a value that does not expire."""
    return b"" if expires_in is None else b"%d" % round(expires_in * 1000)


def _changes(found: list[Any]) -> tuple[Change, ...]:
    """Keys and values in turn."""
    return tuple([Change(key.decode(), value) for key, value in zip(found[::2], found[1::2], strict=True)])
