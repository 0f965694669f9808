"""Which processes count together: each gives signs of life, and is gone when it has given none for a while."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final
from uuid import uuid4

from apim_stores.redis_counting_script import MEMBERS, MEMBERS_SHA
from apim_stores.redis_servers import Servers, slot_of
from apim_stores.resp import ReplyError

__all__ = ["Member", "Membership"]

_TAG: Final = b"members"
_HEARTBEAT: Final = 5.0
_GONE: Final = 15.0
"""Seconds without a sign of life after which a process is not counted any more."""


class Member:
    """This process. All its configurations share it, so that a reload makes no second one."""

    def __init__(self) -> None:
        self.name = uuid4().hex.encode()
        self.holders = 0


class Membership:
    """Keeps this process among the members, until the last that holds it is closed."""

    def __init__(self, servers: Servers, start: bytes, timeout: float, member: Member) -> None:
        self._servers = servers
        self._key = b"%b{%b}" % (start, _TAG)
        self._timeout = timeout
        self._member = member
        member.holders += 1
        self._task = asyncio.get_running_loop().create_task(self._keep_alive(), name="redis counters members")

    async def count(self, alive: bool = True) -> int:
        """How many there are, after a sign of life of this one, or its farewell. Raises OSError."""
        arguments = (b"1", self._key, self._member.name, b"%d" % round(_GONE * 1000), b"1" if alive else b"0")
        try:
            async with asyncio.timeout(self._timeout):
                connection = self._servers.of(slot_of(_TAG))
                try:
                    found = await connection.ask(b"EVALSHA", MEMBERS_SHA.encode(), *arguments)
                except ReplyError as error:
                    if error.code != "NOSCRIPT":
                        raise
                    found = await connection.ask(b"EVAL", MEMBERS.encode(), *arguments)
        except ReplyError as error:
            if error.code == "MOVED":
                self._servers.moved()
            raise ConnectionError(f"Redis: {error}") from None
        except TimeoutError:
            raise TimeoutError("Redis has not answered how many count with it") from None
        if type(found) is not int:
            raise ConnectionError("Redis does not tell how many count with it")
        return max(found, 1)

    async def aclose(self) -> None:
        """Give no more signs of life."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._member.holders -= 1
        if not self._member.holders:
            with contextlib.suppress(OSError):  # then it is found out after a while
                await self.count(alive=False)

    async def _keep_alive(self) -> None:
        with contextlib.suppress(OSError):
            await self._servers.ready()
        while True:
            with contextlib.suppress(OSError):  # whoever asks is told
                await self.count()
            await asyncio.sleep(_HEARTBEAT)
