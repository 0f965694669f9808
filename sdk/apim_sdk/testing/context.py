"""A fake of the core: what a plugin gets when it starts, under the control of a test."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import attrs

from apim_sdk.context import Context, Upstream
from apim_sdk.counters import CounterStore
from apim_sdk.identity import Application, ApplicationKey
from apim_sdk.key_manager import KeyManager
from apim_sdk.plugin import Plugin
from apim_sdk.stores import Store
from apim_sdk.testing.endpoint import FakeEndpoint
from apim_sdk.testing.recorders import FakeClock, FakeLog, FakeMetrics
from apim_sdk.upstream import UpstreamSettings, UpstreamTLS

__all__ = ["FakeApplications", "FakeContext", "FakeFetched", "FakeKeyManager", "FakeRevocations", "started"]

Shared = TypeVar("Shared")
AnyPlugin = TypeVar("AnyPlugin", bound=Plugin)


@attrs.define
class FakeApplications:
    """Applications, or their keys, by what they present: ``{("api-key", "k-1"): Application("shop", "1")}``."""

    keys: dict[tuple[str, str], Application | ApplicationKey] = attrs.field(factory=dict)

    def find(self, kind: str, value: str, key_manager: str | None = None) -> ApplicationKey | None:
        """The key that an application holds, if one does."""
        found = self.keys.get((kind, value))
        return ApplicationKey(found, kind, f"{kind}-id") if isinstance(found, Application) else found


@attrs.define
class FakeRevocations:
    """What a test has revoked: ``jti``, tokens, clients or subjects, each in one set."""

    revoked_values: set[str] = attrs.field(factory=set)
    generation: int = 0

    def revoke(self, value: str) -> None:
        """Revoke whatever goes by this ``jti``, token, client or subject."""
        self.revoked_values.add(value)
        self.generation += 1

    def revoked(
        self,
        *,
        token_id: str | None = None,
        token: str | None = None,
        client_id: str | None = None,
        subject: str | None = None,
        issuer: str | None = None,
        issued_at: float | None = None,
    ) -> bool:
        """Whether one of these was revoked; dates and issuers are not looked at."""
        return not self.revoked_values.isdisjoint({token_id, token, client_id, subject} - {None})


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

    async def introspect(self, token: str) -> Mapping[str, Any]:
        """That it knows no such token."""
        return {"active": False}


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
    revocations: FakeRevocations = attrs.field(factory=FakeRevocations)
    key_managers: Mapping[str, KeyManager] = attrs.field(factory=dict)
    stores: Mapping[str, Store] = attrs.field(factory=dict)
    counter_stores: Mapping[str, CounterStore] = attrs.field(factory=dict)
    fetches: Mapping[str, FakeFetched | Exception] = attrs.field(factory=dict)
    upstreams: Mapping[str, Upstream] = attrs.field(factory=dict)
    fetched: list[tuple[str, str, bytes | None]] = attrs.field(factory=list, init=False)
    """Callouts that were made: method, URL, body."""
    tasks: list[asyncio.Task[None]] = attrs.field(factory=list, init=False)
    """Background tasks that were spawned."""
    offered: dict[str, list[Callable[[Mapping[str, Any]], Awaitable[bool | None]]]] = attrs.field(
        factory=dict, init=False
    )
    """Handlers of actions, by the name of the action."""
    _shared: dict[Hashable, asyncio.Future[Any]] = attrs.field(factory=dict, init=False)

    def key_manager(self, name: str) -> KeyManager:
        """The key manager of that name. Raises LookupError with the names there are."""
        try:
            return self.key_managers[name]
        except KeyError:
            raise LookupError(f"no key manager {name!r}; there are: {', '.join(self.key_managers) or 'none'}") from None

    def counters(self, name: str | None = None) -> CounterStore | None:
        """The counter store of that name; of none, ``default`` or else ``node``. None for ``process``, and for a
        ``node`` that is not there. Raises LookupError with the names there are."""
        known = self.counter_stores
        if name is None:
            return known.get("default", known.get("node"))
        if name in ("node", "process"):
            return known.get("node") if name == "node" else None
        try:
            return known[name]
        except KeyError:
            raise LookupError(f"no counter store {name!r}; there are: {', '.join(known) or 'none'}") from None

    def store(self, name: str) -> Store:
        """The store of that name. Raises LookupError with the names there are."""
        try:
            return self.stores[name]
        except KeyError:
            raise LookupError(f"no store {name!r}; there are: {', '.join(self.stores) or 'none'}") from None

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: UpstreamTLS | None = None,
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

    def offer(self, action: str, handler: Callable[[Mapping[str, Any]], Awaitable[bool | None]]) -> None:
        """Keep the handler of an action."""
        self.offered.setdefault(action, []).append(handler)

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
