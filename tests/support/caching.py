"""A cache under the control of a test: the clock stands still, and the backend answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from apim_sdk import Exchange, Store
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, Outcome, build, make_exchange, run, started
from apim_traffic.cache import Cache

__all__ = ["Caching", "cached", "fresh", "with_cache"]


@attrs.frozen
class Caching:
    """A started `cache` in front of a backend."""

    policy: Cache
    context: FakeContext
    backend: FakeEndpoint

    async def ask(self, line: str = "GET /x", headers: Mapping[str, str] | None = None, **facts: Any) -> Outcome:
        """What comes of a request; ``facts`` as ``make_exchange`` takes them."""
        return await self.run(make_exchange(line, headers or {}, **facts))

    async def run(self, exchange: Exchange) -> Outcome:
        return await run(self.policy, exchange, endpoint=self.backend)

    async def settle(self) -> None:
        """Wait for what is done in the background."""
        while any(not task.done() and "follow" not in task.get_name() for task in self.context.tasks):
            await asyncio.sleep(0)

    def counted(self, result: str) -> float:
        """How many requests came to a result."""
        return self.context.metrics.counters.get(("apim_cache_requests_total", "test", result), 0)

    def refused(self, reason: str) -> float:
        """How many answers were not kept for a reason."""
        return self.context.metrics.counters.get(("apim_cache_not_kept_total", "test", reason), 0)

    @property
    def asked(self) -> int:
        """How many requests reached the backend."""
        return len(self.backend.received)


def with_cache(
    settings: Mapping[str, Any],
    scenario: Callable[[Caching], Awaitable[Any]],
    *answers: Answer | Callable[[Exchange], Answer],
    stores: Mapping[str, Store] | None = None,
) -> Any:
    """What a scenario answers."""

    async def body() -> Any:
        context = FakeContext(stores=stores or {})
        policy = build(Cache, settings)
        async with started(policy, context):
            return await scenario(Caching(policy, context, FakeEndpoint(*answers)))

    return asyncio.run(body())


def cached(
    settings: Mapping[str, Any], answer: Answer, *requests: tuple[str, Mapping[str, str]], **facts: Any
) -> list[bool]:
    """Of requests in turn, whether each is answered without the backend."""

    async def scenario(caching: Caching) -> list[bool]:
        return [not (await caching.ask(line, headers, **facts)).reached_endpoint for line, headers in requests]

    found: list[bool] = with_cache(settings, scenario, answer)
    return found


def fresh(body: str = "fresh", **headers: str) -> Answer:
    """An answer that is fresh for a minute; ``_`` in a header's name stands for ``-``."""
    fields = {"Cache-Control": "max-age=60", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Answer(200, fields, body)
