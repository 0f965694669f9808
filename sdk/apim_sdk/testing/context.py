"""A fake of the core: what a plugin gets when it starts, under the control of a test."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import attrs

from apim_sdk.context import Context, Upstream
from apim_sdk.identity import Application
from apim_sdk.key_manager import KeyManager
from apim_sdk.plugin import Plugin
from apim_sdk.testing.endpoint import FakeEndpoint
from apim_sdk.testing.recorders import FakeClock, FakeLog, FakeMetrics
from apim_sdk.upstream import UpstreamSettings

__all__ = ["FakeApplications", "FakeContext", "FakeFetched", "FakeKeyManager", "started"]

Shared = TypeVar("Shared")
AnyPlugin = TypeVar("AnyPlugin", bound=Plugin)


@attrs.define
class FakeApplications:
    """Applications by what they present: ``{("api-key", "k-1"): Application("shop", "1")}``."""

    keys: dict[tuple[str, str], Application] = attrs.field(factory=dict)

    def find(self, kind: str, value: str) -> Application | None:
        """The application that holds the key, if there is one."""
        return self.keys.get((kind, value))


@attrs.frozen
class FakeFetched:
    """The answer to a callout."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""


class FakeKeyManager(KeyManager):
    """A key manager that holds the keys (JSON Web Keys as mappings) it was given."""

    def __init__(self, *keys: Mapping[str, Any], issuer: str | None = None, generation: int = 1) -> None:
        self._keys = keys
        self._issuer = issuer
        self._generation = generation

    @property
    def issuer(self) -> str | None:
        """The ``iss`` of its tokens."""
        return self._issuer

    @property
    def generation(self) -> int:
        """Counts up when a test takes a key away."""
        return self._generation

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
        """The keys with this ``kid``; all of them if it is None."""
        return tuple(key for key in self._keys if key_id is None or key.get("kid") == key_id)


@attrs.define
class FakeContext:
    """A context whose parts a test fills and reads.

    Time stands still until ``clock.advance``; ``log.lines`` and ``metrics`` hold what was said and counted;
    ``fetches`` maps a URL to its answer, or to the error to raise. ``close`` ends what it gave, as the core does when
    a snapshot has stopped; ``started`` calls it.
    """

    place: str = "apis/test/flows/request/0"
    clock: FakeClock = attrs.field(factory=FakeClock)
    log: FakeLog = attrs.field(factory=FakeLog)
    metrics: FakeMetrics = attrs.field(factory=FakeMetrics)
    applications: FakeApplications = attrs.field(factory=FakeApplications)
    key_managers: Mapping[str, KeyManager] = attrs.field(factory=dict)
    fetches: Mapping[str, FakeFetched | Exception] = attrs.field(factory=dict)
    upstreams: Mapping[str, Upstream] = attrs.field(factory=dict)
    fetched: list[tuple[str, str, bytes | None]] = attrs.field(factory=list, init=False)
    """Callouts that were made: method, URL, body."""
    tasks: list[asyncio.Task[None]] = attrs.field(factory=list, init=False)
    """Background tasks that were spawned."""
    _shared: dict[Hashable, asyncio.Future[Any]] = attrs.field(factory=dict, init=False)

    def key_manager(self, name: str) -> KeyManager:
        """The key manager of that name. Raises LookupError with the names there are."""
        try:
            return self.key_managers[name]
        except KeyError:
            raise LookupError(f"no key manager {name!r}; there are: {', '.join(self.key_managers) or 'none'}") from None

    async def fetch(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> FakeFetched:
        """The answer that ``fetches`` holds for the URL. Raises ConnectionError where it holds none."""
        self.fetched.append((method, url, body))
        try:
            answer = self.fetches[url]
        except KeyError:
            raise ConnectionError(f"the fake context has no answer for {url}") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def upstream(self, url: str, settings: UpstreamSettings) -> Upstream:
        """The upstream that ``upstreams`` holds for the URL, else a FakeEndpoint that says 200."""
        try:
            return self.upstreams[url]
        except KeyError:
            return FakeEndpoint()

    async def shared(self, key: Hashable, open: Callable[[], Shared | Awaitable[Shared]]) -> Shared:  # noqa: A002  # the word of the contract
        """What was opened for the key, opened now if nobody asked before."""
        future = self._shared.get(key)
        if future is None:
            future = self._shared[key] = asyncio.get_running_loop().create_future()
            try:
                opened = open()
                future.set_result(await opened if inspect.isawaitable(opened) else opened)
            except Exception as error:
                del self._shared[key]
                future.set_exception(error)
        shared: Shared = await future
        return shared

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a background task until ``close``."""
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))

    async def close(self) -> None:
        """Cancel the background tasks and close what was shared. Raises what a background task died of."""
        tasks, self.tasks = self.tasks, []
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        shared, self._shared = self._shared, {}
        for future in shared.values():
            thing = future.result()
            close = getattr(thing, "aclose", None) or getattr(thing, "close", None)
            result = close() if close is not None else None
            if inspect.isawaitable(result):
                await result
        for error in ended:
            if isinstance(error, Exception):
                raise error


@asynccontextmanager
async def started(plugin: AnyPlugin, context: Context | None = None) -> AsyncIterator[AnyPlugin]:
    """A plugin between its ``start`` and its ``stop``; a FakeContext that it makes or is given is closed with it."""
    context = FakeContext() if context is None else context
    try:
        await plugin.start(context)
        try:
            yield plugin
        finally:
            await plugin.stop()
    finally:
        if isinstance(context, FakeContext):
            await context.close()
