"""Sends one message past the steps that see messages, and says what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from apim_sdk.errors import Fault, Respond
from apim_sdk.exchange import Exchange
from apim_sdk.streams import Close, Drop, Message, MessageTotals

from apim_core.messages.metering import NO_METER, Meter
from apim_core.steps import CompiledStep, PluginFault

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Judges", "OnFailure"]

OnFailure = Callable[[str, BaseException], None]
"""Told of every plugin that raised what it should not have."""


@attrs.frozen
class Judges:
    """The steps that an exchange has passed and that see its messages, in order."""

    exchange: Exchange
    steps: Sequence[CompiledStep]
    on_failure: OnFailure
    meter: Meter = NO_METER
    totals: MessageTotals = attrs.field(factory=MessageTotals)

    async def judge(self, message: Message) -> None:
        """Have the steps see the message: in order on its way to the backend, in reverse order on that to the client.

        Raises Drop, Close, and Fault: a Reject of a step, or a PluginFault, which has been reported.
        """
        steps: Iterable[CompiledStep] = self.steps if message.direction == "to_backend" else reversed(self.steps)
        for step in steps:
            try:
                pending: Awaitable[Any] | None = step.call(self.exchange, message)
                if pending is not None:
                    await pending
            except Drop:
                self.totals.dropped += 1
                self.meter.count(message.direction, "dropped")
                raise
            except Close:
                self.ended_by(step.name)
                self.meter.count(message.direction, "closed")
                raise
            except Exception as error:
                fault = self.fault(error, step.name)
                self._count_fault(message, fault)
                await self._refused(message, fault)
                raise fault from None if fault is error else error

    def passed(self, message: Message) -> None:
        """A message goes on."""
        totals, direction, size = self.totals, message.direction, len(message.data)
        if direction == "to_backend":
            totals.received += 1
            totals.bytes_received += size
        else:
            totals.sent += 1
            totals.bytes_sent += size
        self.meter.count(direction, "passed")
        self.meter.count_bytes(direction, size)

    def ended_by(self, step: str | None) -> None:
        """A step has ended the stream; only the first did."""
        if self.totals.closed_by is None:
            self.totals.closed_by = step

    def _count_fault(self, message: Message, fault: Fault) -> None:
        if isinstance(fault, PluginFault):
            self.ended_by(fault.policy)
            self.meter.count(message.direction, "failed")
        else:
            self.totals.refused += 1
            self.meter.count(message.direction, "refused")

    def fault(self, error: Exception, step: str) -> Fault:
        """What an error of a step becomes; a Respond is one, for there is nothing to answer any more."""
        if isinstance(error, Fault) and not isinstance(error, PluginFault):
            if error.policy is None:
                error.policy = step
            return error
        if isinstance(error, Respond):
            error = TypeError("a message cannot be answered with Respond: raise Reject, Drop or Close")
        self.on_failure(step, error)
        return PluginFault(error, step)

    async def _refused(self, message: Message, fault: Fault) -> None:
        """Tell the steps before that asked for it."""
        for callback in reversed(message._refused or ()):
            try:
                pending = callback(fault)
                if pending is not None:
                    await pending
            except Exception as error:
                self.on_failure("if_refused", error)
