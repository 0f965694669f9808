"""Policies: the steps of flows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.headers import HeaderEdit
    from apim_sdk.messages import Response

__all__ = ["FLOW_METHODS", "Policy", "Send", "flows_of"]

Send = Callable[["Exchange"], Awaitable["Response"]]
"""What ``around`` calls to go on to the endpoint."""

FLOW_METHODS = {
    "entry": ("on_request", "on_message"),
    "request": ("on_request", "on_message", "around", "after"),
    "response": ("on_response",),
    "fault": ("on_fault",),
}
"""The methods that let a policy stand in a flow: it must define at least one of its flow's."""


class Policy(Plugin):
    """One step of a flow. A policy defines any of

    * ``on_request(exchange)``: ENTRY and REQUEST flow
    * ``on_response(exchange)``: RESPONSE flow
    * ``on_fault(exchange)``: FAULT flow; ``exchange.fault`` says what happened, ``exchange.response`` is the answer
    * ``on_message(exchange, message)``: ENTRY and REQUEST flow; each message of a WebSocket, and each event of an event
      stream, if the step was passed on the way in. See ``apim_sdk.streams``. Messages to the backend meet the steps in
      order, those to the client in reverse order, and the two directions at the same time
    * ``after(exchange)``: once when the answer or fault leaves, in reverse order, if the step was passed in ENTRY or
      REQUEST; ``exchange.response`` is about to be sent, or None if the client went away first. What must wait until
      the last byte is sent goes into ``exchange.defer``
    * ``async around(exchange, send)``: REQUEST flow; wraps the endpoint call, the first in the list outermost. A policy
      that has it stands in no ENTRY flow, where there is no call to wrap

    each a plain ``def``, or an ``async def`` where it does I/O. It ends the exchange by raising ``Reject`` or
    ``Respond``. One instance serves all exchanges at once: what belongs to one goes into ``exchange.variables``.
    """

    kind: ClassVar[str] = "policy"
    reads_body: ClassVar[bool] = False
    """Whether it must see the whole body: then, and only then, the chain buffers it before the policy runs."""

    @property
    def sees_messages(self) -> bool:
        """Whether ``on_message`` is to be called, as it is configured; without it, bytes of streams pass unread."""
        return hasattr(self, "on_message")

    @property
    def header_edits(self) -> tuple[HeaderEdit, ...]:
        """What the policy does where, as it is configured, it only changes headers, always in the same way.

        ``on_request`` then makes these changes to the headers of the request, ``on_response`` and ``on_fault`` to those
        of the answer, and none can fail. Steps of this kind that stand side by side without conditions are done in one
        go, without calling these methods. Empty for all others.
        """
        return ()

    @hookimpl
    @classmethod
    def apim_register_policy(cls) -> type[Policy]:
        """Register the class itself."""
        return cls


def flows_of(policy: type[Policy]) -> tuple[str, ...]:
    """The flows in which a policy may stand, by the methods that it defines.

    One that wraps the endpoint call belongs where there is one: what it does before the call is half of what it does.
    """
    wraps = hasattr(policy, "around")
    return tuple(
        flow
        for flow, methods in FLOW_METHODS.items()
        if any(hasattr(policy, method) for method in methods) and not (wraps and flow == "entry")
    )
