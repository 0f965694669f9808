"""Send messages past one policy as the gateway would, and see what came of each."""

from __future__ import annotations

import inspect

import attrs

from apim_sdk.errors import Fault
from apim_sdk.exchange import Exchange
from apim_sdk.policy import Policy
from apim_sdk.streams import Close, Drop, Message

__all__ = ["Delivery", "deliver"]


@attrs.frozen
class Delivery:
    """What became of a message: it goes on, or one of the others says why not."""

    message: Message | None = None
    """The message that goes on, as the policy left it."""
    refusal: Fault | None = None
    """How it was refused."""
    close: Close | None = None
    """How the stream was ended."""

    @property
    def dropped(self) -> bool:
        """Whether the message went no further, and nobody was told."""
        return self.message is None and self.refusal is None and self.close is None


async def deliver(policy: Policy, exchange: Exchange, message: Message) -> Delivery:
    """Have a policy that has been started see a message of an exchange that it let in (``run``).

    Errors other than Fault, Drop and Close come out as they are. Raises ValueError for a policy that sees no messages.
    """
    if not policy.sees_messages:
        raise ValueError(f"{type(policy).__name__} sees no messages, as it is configured")
    try:
        result = policy.on_message(exchange, message)  # type: ignore[attr-defined]  # it has one, as it sees messages
        if inspect.isawaitable(result):
            await result
    except Drop:
        return Delivery()
    except Close as close:
        return Delivery(close=close)
    except Fault as fault:
        return Delivery(refusal=fault)
    return Delivery(message)
