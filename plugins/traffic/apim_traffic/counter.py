"""A counter as a policy sees it, wherever the counts live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, Literal, Protocol

import attrs
from apim_sdk import Context, CounterStore, Duration, Grant, Limit
from apim_sdk.counting import Forgot, Key, Table, open_table

from apim_traffic.modes import Link, Mode, Parts, View, open_mode

__all__ = ["MOST_LIMITS", "Counter", "Counters", "Counting", "open_counter", "open_counters"]

MOST_LIMITS: Final = 64
"""Limits that differ in units only of which a step keeps the counters at hand."""


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
    store = context.counters(settings.counters)
    if store is None:
        return await context.shared(
            (kind, place, limit, settings.max_keys), lambda: _table(context, limit, settings.max_keys)
        )
    parts = await _parts(context, kind, limit, settings, store)
    key = (kind, place, limit, store, _options(settings))
    return await context.shared(key, lambda: open_mode(settings.mode, parts))


class Counters(Protocol):
    """Counters of one step, which count together by limits that differ in ``units`` and ``burst`` only.

    What was taken by one limit is taken for the others, too, in units. Of gcra it flows back by the limit of the call
    that comes.
    """

    def of(self, limit: Limit) -> Counter:
        """The counter of a limit."""

    def reset(self, key: Key) -> Awaitable[None] | None:
        """As ``Counter.reset``, for all of them."""


async def open_counters(context: Context, kind: str, limit: Limit, settings: Counting) -> Counters:
    """The counters of the step that ``context`` is for; ``limit`` says how they count. As ``open_counter``."""
    limit = attrs.evolve(limit, varying=True)
    way = (attrs.evolve(limit, units=1, burst=1), settings.max_keys)
    store = context.counters(settings.counters)
    if store is None:
        table = await context.shared(
            (kind, context.place, "varying", way), lambda: _table(context, limit, settings.max_keys)
        )
        return _Views(table)
    parts = attrs.evolve(await _parts(context, kind, limit, settings, store), tables={})
    name = f"{context.place} {kind}"
    key = (kind, context.place, "varying", way, store, _options(settings))
    return await context.shared(key, lambda: _Modes(settings.mode, parts, store, name))


class _Views:
    """Counters in a table of the process."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.reset = table.reset

    def of(self, limit: Limit) -> Counter:
        return View(self._table, attrs.evolve(limit, varying=True))


class _Modes:
    """Counters over a store. Of those that are not used any more, leases end and the rest is told by themselves."""

    def __init__(self, mode: str, parts: Parts, store: CounterStore, name: str) -> None:
        self._mode = mode
        self._parts = parts
        self._store = store
        self._name = name
        self._modes: dict[Limit, Mode] = {}

    def of(self, limit: Limit) -> Counter:
        limit = attrs.evolve(limit, varying=True)
        modes = self._modes
        mode = modes.get(limit)
        if mode is None:
            if len(modes) >= MOST_LIMITS:
                del modes[next(iter(modes))]
            parts = attrs.evolve(self._parts, limit=limit, counter=self._store.counter(self._name, limit))
            mode = modes[limit] = open_mode(self._mode, parts)
        return mode

    async def reset(self, key: Key) -> None:
        self.of(self._parts.limit)
        await asyncio.gather(*(mode.reset(key) for mode in self._modes.values()))

    async def aclose(self) -> None:
        await asyncio.gather(*(mode.aclose() for mode in self._modes.values()))


async def _parts(context: Context, kind: str, limit: Limit, settings: Counting, store: CounterStore) -> Parts:
    """What a mode over a store is made of."""
    place, count = context.place, context.metrics.counter
    undecided = count(
        "apim_limit_calls_without_store_total", "Calls that went by on_store_error", ("place", "on_store_error")
    )
    return Parts(
        limit=limit,
        counter=store.counter(f"{place} {kind}", limit),
        link=await context.shared(("counter store", store), lambda: Link.open(store, context)),
        clock=context.clock,
        timeout=settings.timeout,
        sync_interval=settings.sync_interval,
        max_keys=settings.max_keys,
        on_store_error=settings.on_store_error,
        forgot=_forgot(context),
        undecided=lambda: undecided(place, settings.on_store_error),
    )


def _table(context: Context, limit: Limit, max_keys: int) -> Table:
    """A table of this process."""
    return open_table(limit, context.clock, max_keys, _forgot(context))


def _forgot(context: Context) -> Forgot:
    """What is told of each key in use that had to go."""
    place = context.place
    forgotten = context.metrics.counter(
        "apim_limit_forgotten_keys_total", "Keys that a limit forgot because it held too many", ("place",)
    )
    return lambda: forgotten(place)


def _options(settings: Counting) -> tuple[object, ...]:
    return tuple(getattr(settings, field.name) for field in attrs.fields(Counting))
