"""Limits that count the messages of streams in place of calls: of a WebSocket both ways, of an event stream its events.

The call that opens a stream costs nothing, but is refused where no unit is left. The rules that let it in are noted on
the exchange, each with its key, and every message takes one unit of each. What a message took from the rules before the
one that refuses it goes back to them, as for calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Literal

import attrs
from apim_sdk import Context, ErrorKind, Exchange, Fault, Limit, Message, errors, state

from apim_traffic.keys import Key
from apim_traffic.limiting import Keyed
from apim_traffic.rule import Rule, Terms, of_a_limit

__all__ = ["Counted", "EventRule", "Unit"]

Unit = Literal["requests", "events"]


class EventRule(Rule):
    """A rule that counts messages. ``slot`` is the variable of an exchange that holds the rules which let it in."""

    __slots__ = ("_slot",)

    def __init__(self, *arguments: Any, slot: str) -> None:
        super().__init__(*arguments)
        self._slot = slot

    def apply(self, exchange: Exchange, cost: int = 1) -> Awaitable[None] | None:
        """Let in the call that opens a stream. Raises Reject where no unit is left; it takes one, and gives it back."""
        key = self._key(exchange)
        wait = self._take(key, 1)
        return self._admit(exchange, key, wait) if isinstance(wait, float) else self._ask(exchange, key, wait)

    async def _ask(self, exchange: Exchange, key: str, pending: Awaitable[float]) -> None:
        settling = self._admit(exchange, key, await pending)
        if settling is not None:
            await settling

    def _admit(self, exchange: Exchange, key: str, wait: float) -> Awaitable[None] | None:
        if wait:
            self._beyond(exchange, key, wait)
        self._passed(exchange, key, 0)
        exchange.variables.setdefault(self._slot, []).append((self, key))
        return None if wait else self._settle(key, -1)

    def count(self, exchange: Exchange, message: Message, key: str) -> Awaitable[None] | None:
        """Take a unit for a message. Raises Reject where there is none."""
        wait = self._take(key, 1)
        if not isinstance(wait, float):
            return self._await_message(exchange, message, key, wait)
        self._counted(exchange, message, key, wait)
        return None

    async def _await_message(self, exchange: Exchange, message: Message, key: str, pending: Awaitable[float]) -> None:
        self._counted(exchange, message, key, await pending)

    def _counted(self, exchange: Exchange, message: Message, key: str, wait: float) -> None:
        if wait:
            self._beyond(exchange, key, wait)
            return
        if not self._counts_refused:
            message.if_refused(partial(self._give_back, key))
        if self._threshold >= 0 and self.counter.standing(key).remaining <= self._threshold:
            self.observers.warned(key)

    def _give_back(self, key: str, fault: Fault) -> Awaitable[None] | None:
        return self._settle(key, -1) if of_a_limit(fault) else None


@attrs.frozen(kw_only=True, slots=False)
class Counted(Keyed):
    """A policy that counts calls, or messages of streams."""

    unit: Unit = "requests"
    """What is counted: `requests`; or `events`, which are the messages of a WebSocket, both ways, and the events of an
    event stream. The call that opens a stream then costs nothing, but is refused with 900808 where nothing is left. A
    message of a WebSocket beyond the limit is dropped, and its client told so (4003); an event stream ends."""
    _slot: str = state()

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.unit == "events" and getattr(self, "cost", None) is not None:
            raise ValueError("`cost` is of a request, and with `unit: events` each event costs one: leave it out")

    @property
    def sees_messages(self) -> bool:
        return self.unit == "events"

    def on_message(self, exchange: Exchange, message: Message) -> Awaitable[None] | None:
        rules: Iterator[tuple[EventRule, str]] = iter(exchange.variables.get(self._slot, ()))
        for rule, key in rules:
            pending = rule.count(exchange, message, key)
            if pending is not None:
                return _count_on(pending, rules, exchange, message)
        return None

    def terms(self, name: str, limit: Limit, error: ErrorKind, per: str, unit: str = "requests") -> Terms:
        if self.unit == "events":
            error, unit = errors.EVENT_LIMIT_EXCEEDED, self.unit
        return super().terms(name, limit, error, per, unit)

    async def rule(self, context: Context, kind: str, terms: Terms, key: Key, make: Callable[..., Rule] = Rule) -> Rule:
        if self.unit == "events":
            self.hold(_slot=f"events {context.place}")
            kind, make = f"{kind} events", partial(EventRule, slot=self._slot)
        return await super().rule(context, kind, terms, key, make)


async def _count_on(
    pending: Awaitable[None], rules: Iterator[tuple[EventRule, str]], exchange: Exchange, message: Message
) -> None:
    await pending
    for rule, key in rules:
        following = rule.count(exchange, message, key)
        if following is not None:
            await following
