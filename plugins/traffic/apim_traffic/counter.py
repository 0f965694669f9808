"""A counter as a policy sees it, wherever the counts live."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Literal, Protocol

import attrs
from apim_sdk import Context, Duration, Grant, Limit
from apim_sdk.counting import Key, open_table

from apim_traffic.modes import Link, Parts, open_mode

__all__ = ["Counter", "Counting", "open_counter"]


def _some_time(instance: Any, attribute: attrs.Attribute[Any], value: Duration) -> None:
    if value < 0.001:
        raise ValueError("it must be 1ms or longer")


@attrs.frozen(kw_only=True, slots=False)
class Counting:
    """Options of every policy that counts: where, how exactly, and what becomes of calls while the store is away."""

    counters: str | None = None
    """The counter store that counts: a name under `counters`, or `process` for each process by itself. Without it, the
    one named `default`, or else that of the node, where several processes share one."""
    mode: Literal["exact", "lease", "hybrid", "async"] = "lease"
    """How processes that share a counter store decide. `exact` asks the store for each call. `lease` takes a few units
    ahead and decides without waiting while it has some. `hybrid` takes a large share ahead, and asks for each call when
    that is used. `async` decides by itself and tells the store afterwards. A process by itself is exact, and
    so is every mode where refused calls count."""
    on_store_error: Literal["closed", "open", "local"] = "local"
    """What becomes of calls while the counter store is away: `local` counts in the process, up to its share of the
    limit, `open` lets them pass, `closed` refuses them with 503."""
    timeout: Duration = attrs.field(default=Duration("100ms"), validator=_some_time)
    """How long a call waits for the counter store before it goes by `on_store_error`."""
    sync_interval: Duration = attrs.field(default=Duration("1s"), validator=_some_time)
    """How often `async` tells the store what it let through, and how long `hybrid` keeps units that it does not use."""
    max_keys: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))
    """How many keys a process holds at most; past that the oldest is forgotten."""


class Counter(Protocol):
    """One limit, with all its keys.

    Calls answer at once where the process can decide by itself, and an awaitable where a store is to be asked: whoever
    calls awaits what is no number, so that nothing is awaited for nothing.
    """

    def take(self, key: Key, cost: int = 1) -> float | Awaitable[float]:
        """Take ``cost`` units (0.0), or none, and say in how many seconds they could be taken.

        ``apim_sdk.counting.NEVER`` for more than the limit ever gives at once. Raises Reject, here or when it is
        awaited, where the store is away and ``on_store_error`` is ``closed``.
        """

    def settle(self, key: Key, units: int) -> Awaitable[None] | None:
        """Take ``units`` more, whether they are there or not; negative ones are given back."""

    def standing(self, key: Key) -> Grant:
        """How the key stands, as far as the process knows; it never waits."""

    def reset(self, key: Key) -> Awaitable[None] | None:
        """Make the key as good as new. Raises OSError, when it is awaited, where the store is away."""


async def open_counter(context: Context, kind: str, limit: Limit, settings: Counting) -> Counter:
    """The counter of the step that ``context`` is for; a reload that leaves it as it is goes on with its counts.

    ``kind`` tells apart what one step counts. Raises LookupError where there is no such counter store.
    """
    place = context.place
    count = context.metrics.counter
    forgotten = count(
        "apim_limit_forgotten_keys_total", "Keys that a limit forgot because it held too many", ("place",)
    )
    store = context.counters(settings.counters)
    if store is None:
        return await context.shared(
            (kind, place, limit, settings.max_keys),
            lambda: open_table(limit, context.clock, settings.max_keys, lambda: forgotten(place)),
        )
    undecided = count(
        "apim_limit_calls_without_store_total", "Calls that went by on_store_error", ("place", "on_store_error")
    )
    parts = Parts(
        limit=limit,
        counter=store.counter(f"{place} {kind}", limit),
        link=await context.shared(("counter store", store), lambda: Link.open(store, context)),
        clock=context.clock,
        timeout=settings.timeout,
        sync_interval=settings.sync_interval,
        max_keys=settings.max_keys,
        on_store_error=settings.on_store_error,
        forgot=lambda: forgotten(place),
        undecided=lambda: undecided(place, settings.on_store_error),
    )
    options = tuple(getattr(settings, field.name) for field in attrs.fields(Counting))
    return await context.shared((kind, place, limit, store, options), lambda: open_mode(settings.mode, parts))
