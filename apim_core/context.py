"""What the core gives a plugin when it starts: the SDK's ``Context``, made of the gateway's parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import attrs
from apim_sdk.context import Logger, Revocations
from apim_sdk.counters import CounterStore
from apim_sdk.exchange import Exchange
from apim_sdk.key_manager import KeyManager
from apim_sdk.messages import Response
from apim_sdk.stores import Store
from apim_sdk.upstream import UpstreamTLS

from apim_core.access.directory import Directory
from apim_core.actions import Actions
from apim_core.config.checks import BUILT_IN_COUNTERS
from apim_core.config.problems import did_you_mean
from apim_core.egress import Answer, Egress
from apim_core.http.upstream import UpstreamPool
from apim_core.http.upstream_settings import Origin, UpstreamSettings
from apim_core.metrics import Metrics
from apim_core.sharing import Lease
from apim_core.upstreams import OpenPool, Upstreams

__all__ = ["CoreContext", "PooledUpstream", "Resources", "SystemClock", "origin_of"]

T = TypeVar("T")


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class _Spawner(Protocol):
    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...


@attrs.frozen
class Resources:
    """What the contexts of one snapshot have in common."""

    clock: SystemClock
    log: Logger
    metrics: Metrics
    applications: Directory
    revocations: Revocations
    key_managers: Mapping[str, KeyManager]
    stores: Mapping[str, Store]
    counters: Mapping[str, CounterStore]
    node: CounterStore | None
    """The counters of the supervisor, where there are several workers."""
    egress: Egress
    lease: Lease
    spawn: _Spawner
    upstreams: Upstreams
    via: str
    actions: Actions = attrs.field(factory=Actions)


class PooledUpstream:
    """The data plane's connections to one origin."""

    def __init__(self, pool: UpstreamPool, forward_informational: bool) -> None:
        self._send = pool.send
        self._forward = forward_informational

    def send(self, exchange: Exchange, target: str) -> Coroutine[Any, Any, Response]:
        """See ``apim_sdk.Upstream``."""
        informational = exchange.interim if self._forward else None
        return self._send(exchange.request, target, client=exchange.client, informational=informational)


class CoreContext:
    """See ``apim_sdk.Context``."""

    __slots__ = ("_key_managers", "_log", "_resources", "place")

    def __init__(
        self, resources: Resources, place: str, name: str, key_managers: Mapping[str, KeyManager] | None = None
    ) -> None:
        self._resources = resources
        self._key_managers = key_managers
        self._log: Logger | None = None
        self.place = place

    @property
    def clock(self) -> SystemClock:
        return self._resources.clock

    @property
    def log(self) -> Logger:
        if self._log is None:
            bind: Callable[..., Logger] = self._resources.log.bind  # type: ignore[attr-defined]  # structlog's
            self._log = bind(plugin=self.place)
        return self._log

    @property
    def metrics(self) -> Metrics:
        return self._resources.metrics

    @property
    def applications(self) -> Directory:
        return self._resources.applications

    @property
    def revocations(self) -> Revocations:
        return self._resources.revocations

    @property
    def key_managers(self) -> Mapping[str, KeyManager]:
        return self._resources.key_managers if self._key_managers is None else self._key_managers

    def key_manager(self, name: str) -> KeyManager:
        known = self.key_managers
        if name not in known and name in self._resources.key_managers:
            raise LookupError(
                f"tokens of the key manager {name!r} are not taken here: an API takes those of its own tenant and "
                "`key_managers`, unless `tokens` keeps them for exchange; an exchange takes those whose `tokens` are "
                "`exchanged` or `both`"
            )
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise LookupError(f"no key manager is named {name!r}; {hint}")
        return known[name]

    def store(self, name: str) -> Store:
        known = self._resources.stores
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise LookupError(f"no store is named {name!r} under `stores`; {hint}")
        return known[name]

    def counters(self, name: str | None = None) -> CounterStore | None:
        known = self._resources.counters
        if name is None:
            return known.get("default", self._resources.node)
        if name == "node":
            return self._resources.node
        if name == "process":
            return None
        if name not in known:
            there = [*known, *BUILT_IN_COUNTERS]
            hint = did_you_mean(name, there) or f"there are: {', '.join(sorted(there))}"
            raise LookupError(f"no counter store is named {name!r} under `counters`; {hint}")
        return known[name]

    async def fetch(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: UpstreamTLS | None = None,
    ) -> Answer:
        return await self._resources.egress.fetch(url, method=method, headers=headers, body=body, tls=tls)

    async def upstream(self, url: str, settings: UpstreamSettings) -> PooledUpstream:
        origin = origin_of(url)
        names = [field.name for field in attrs.fields(UpstreamSettings)]
        settings = UpstreamSettings(**{name: getattr(settings, name) for name in names})

        resources = self._resources
        opened: OpenPool = await self.shared(
            ("upstream", origin, settings, resources.via),
            lambda: resources.upstreams.open(origin, settings, resources.via),
        )
        return PooledUpstream(opened.pool, settings.forward_informational)

    async def shared(self, key: Hashable, open: Callable[[], Any]) -> Any:  # noqa: A002  # the SDK's word
        return await self._resources.lease.take(key, open)

    def offer(self, action: str, handler: Callable[[Mapping[str, Any]], Awaitable[bool | None]]) -> None:
        self._resources.actions.offer(action, handler)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._resources.spawn(work, f"{self.place}: {name}")


def origin_of(url: str) -> Origin:
    """The origin of an http or https URL. Raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no URL of a backend: write http://host:port/path or https://...")
    return Origin(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
