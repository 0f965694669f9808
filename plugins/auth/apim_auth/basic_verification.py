"""Checks passwords a few at a time and remembers those that were right, so that slow hashes do not cap throughput."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from functools import partial

from apim_sdk import Principal

from apim_auth.users import User, Users

__all__ = ["TooBusy", "Verifications"]


class TooBusy(Exception):
    """More passwords wait to be checked than may."""


class Verifications:
    """Principals by what they presented, for a time.

    What is kept of a credential is its HMAC under a key that this process makes up; never the password. Bounded in
    number; belongs to one event loop. ``now`` gives seconds of a clock that never goes back.
    """

    def __init__(
        self, users: Users, *, most: int, seconds: float, at_once: int, waiting: int, now: Callable[[], float]
    ) -> None:
        self._users = users
        self._most = most
        self._seconds = seconds
        self._slots = asyncio.Semaphore(at_once)
        self._pending_most = at_once + waiting
        self._now = now
        self._key = os.urandom(32)
        self._generation = users.generation
        self._entries: dict[bytes, tuple[Principal, float]] = {}
        self._pending: dict[bytes, asyncio.Task[Principal | None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def digest(self, credential: str) -> bytes:
        """What a credential is known by here."""
        return hmac.digest(self._key, credential.encode("utf-8", "surrogatepass"), "sha256")

    def known(self, digest: bytes) -> Principal | None:
        """Who presented this before, if it was right and nothing has changed since."""
        if self._generation != self._users.generation:
            self._entries.clear()
            self._generation = self._users.generation
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if entry[1] <= self._now():
            del self._entries[digest]
            return None
        return entry[0]

    async def verify(
        self, digest: bytes, name: str, password: str, admit: Callable[[User], Principal]
    ) -> Principal | None:
        """Who it is, as ``admit`` makes them out of the user; None if name or password is wrong.

        The same credential is checked once, however many present it at a time, and to the end even if they leave.
        Raises TooBusy, and OSError where the users cannot be asked.
        """
        task = self._pending.get(digest)
        if task is None:
            if len(self._pending) >= self._pending_most:
                raise TooBusy
            task = asyncio.create_task(self._check(digest, name, password, admit))
            self._pending[digest] = task
            task.add_done_callback(partial(self._checked, digest))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Drop what is being checked."""
        tasks = tuple(self._pending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(
        self, digest: bytes, name: str, password: str, admit: Callable[[User], Principal]
    ) -> Principal | None:
        async with self._slots:
            generation = self._users.generation
            user = await self._users.check(name, password)
        if user is None:
            return None
        principal = admit(user)
        if generation == self._users.generation and self._most:
            self.known(digest)  # which forgets what was known before a change
            self._entries[digest] = (principal, self._now() + self._seconds)
            if len(self._entries) > self._most:
                del self._entries[next(iter(self._entries))]
        return principal

    def _checked(self, digest: bytes, task: asyncio.Task[Principal | None]) -> None:
        del self._pending[digest]
        if not task.cancelled():
            task.exception()  # told to those who wait; nobody may be left who does
