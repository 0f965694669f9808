"""A policy that limits, started, and calls that go through it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from apim_sdk import Exchange, Policy
from apim_sdk.testing import FakeContext, Outcome, build, run, started

__all__ = ["Try", "limited", "reset", "statuses"]

Try = Callable[[Exchange], Awaitable[Outcome]]


def limited(
    policy: type[Policy], settings: dict[str, Any], steps: Callable[[Try, FakeContext], Awaitable[None]], **options: Any
) -> None:
    """Run ``steps`` while the policy is started; ``attempt(exchange)`` calls it, the context sets time."""

    async def body() -> None:
        context = FakeContext(**options)
        built = build(policy, settings)
        async with started(built, context):
            await steps(lambda exchange: run(built, exchange), context)

    asyncio.run(body())


async def reset(context: FakeContext, key: dict[str, str], **arguments: str) -> bool | None:
    """Carry the action ``reset-limit`` out, as the management port does; whether it was about this policy."""
    (handler,) = context.offered["reset-limit"]
    return await handler({"key": key, **arguments})


def statuses(policy: type[Policy], settings: dict[str, Any], *exchanges: Exchange) -> list[int]:
    """The statuses of the answers to these, one after the other in a moment."""
    seen: list[int] = []

    async def steps(attempt: Try, context: FakeContext) -> None:
        seen.extend([(await attempt(exchange)).status for exchange in exchanges])

    limited(policy, settings, steps)
    return seen
