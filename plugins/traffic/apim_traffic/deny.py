"""Deny calls of an API, an application, a user or an address."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, ErrorKind, Exchange, Policy, Reject, errors, state

from apim_traffic.denials import Condition, Denials
from apim_traffic.denials_store import StoredDenials

__all__ = ["Deny"]


@attrs.frozen
class Deny(Policy):
    """Refuses with 403 and the code 900805 whoever a condition holds of.

    In the entry flow only APIs and addresses are known; conditions of applications and users need the request flow.
    Conditions in a store count within a second, without a reload, wherever the store is used: `POST /actions/deny` at
    the management port writes one, such as `{"id": "shop", "condition": {"application": "shop"}}`, or removes it with
    the condition `null`.
    """

    example: ClassVar[Any] = {
        "conditions": [
            {"application": "shop"},
            {"address": "192.0.2.10-192.0.2.99"},
            {"api": "/orders/1.0", "address": "10.0.0.0/8", "invert": True, "enabled": False},
        ]
    }

    conditions: tuple[Condition, ...] = ()
    """Whom to deny: one condition that holds is enough."""
    store: str | None = None
    """Name of a store that holds more conditions."""
    status_: int = attrs.field(default=403, validator=(attrs.validators.ge(400), attrs.validators.le(599)))
    """HTTP status of the refusal."""
    timeout: Duration = Duration("5s")
    """How long the start waits for the conditions in the store; without them it fails."""
    max_conditions: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    """How many conditions of the store count at most."""
    _written: Denials = state()
    _stored: StoredDenials | None = state()
    _kind: ErrorKind = state()

    def __attrs_post_init__(self) -> None:
        if not self.conditions and self.store is None:
            raise ValueError("say whom to deny: `conditions`, a `store` that holds some, or both")
        self.hold(_written=Denials(self.conditions), _kind=attrs.evolve(errors.DENIED, status=self.status_))

    async def start(self, context: Context) -> None:
        if self.store is None:
            return
        left_out = context.metrics.counter(
            "apim_denials_left_out_total", "Conditions of a store beyond `max_conditions`", ("place",)
        )
        stored = StoredDenials(
            context.store(self.store), self.max_conditions, context.log, lambda: left_out(context.place)
        )
        context.spawn(stored.follow(), f"denials of {self.store}")
        try:
            await asyncio.wait_for(stored.known.wait(), self.timeout)
        except TimeoutError:
            raise TimeoutError(f"the store {self.store!r} did not tell its denials in {self.timeout}") from None
        context.offer("deny", stored.write)
        self.hold(_stored=stored)

    def on_request(self, exchange: Exchange) -> None:
        stored = self._stored
        if self._written.deny(exchange) or (stored is not None and stored.denials.deny(exchange)):
            raise Reject(self._kind)
