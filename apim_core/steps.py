"""Steps: one configured policy in one flow, compiled into one call.

What a step has to do beside its policy's method is folded into the call when the configuration is compiled: its
condition, the note that its ``after`` has to run. A flow is then a tuple that is walked with plain calls; what
answers an awaitable is awaited, everything else is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

import attrs
from apim_sdk import errors
from apim_sdk.body import BodyError, BodyTooLarge, BrokenBody
from apim_sdk.errors import EvaluationError, Fault, Reject, Respond
from apim_sdk.exchange import Exchange
from apim_sdk.headers import HeaderEdit
from apim_sdk.policy import Send
from apim_sdk.streams import Message

__all__ = [
    "Around",
    "Call",
    "CompiledStep",
    "Condition",
    "MessageCondition",
    "OnError",
    "around_call",
    "buffered",
    "editing",
    "fault_of",
    "message_call",
    "run",
    "step_call",
]

Call = Callable[..., Any]
OnError = Literal["fail", "skip", "run"]
Around = Callable[[Exchange, Send], Awaitable[Any]]


class CompiledStep:
    """A step of a compiled flow.

    ``name`` is what logs, metrics and records call it, ``file`` and ``pointer`` where it was written (empty for a step
    that the gateway itself puts in), ``when`` and ``when_message`` its conditions. ``call`` does everything there is to
    do in this flow. ``edits`` is what that comes to, where it is nothing but constant changes of headers; ``together``
    are the steps that this one does in one go.
    """

    __slots__ = ("call", "edits", "file", "name", "pointer", "together", "when", "when_message")

    def __init__(
        self,
        name: str,
        call: Call,
        file: str = "",
        pointer: str = "",
        when: str = "",
        edits: tuple[HeaderEdit, ...] = (),
        together: tuple[CompiledStep, ...] = (),
        *,
        when_message: str = "",
    ) -> None:
        self.name = name
        self.call = call
        self.file = file
        self.pointer = pointer
        self.when = when
        self.edits = edits
        self.together = together
        self.when_message = when_message

    def __repr__(self) -> str:
        return f"<CompiledStep {self.name}>"


@attrs.frozen
class Condition:
    """The condition of a step, and what an error in it does; ``count_error`` is told of each."""

    evaluate: Call
    on_error: OnError
    count_error: Callable[[str], None]
    step: str

    def holds(self, exchange: Exchange) -> bool:
        """Whether the step runs. Raises Fault where the condition has an error and the step says ``fail``."""
        try:
            value = self.evaluate(exchange)
            if value is True or value is False:
                return value
            reason = f"the condition is {type(value).__name__}, not true or false"
        except EvaluationError as error:
            reason = str(error)
        return self._without(reason)

    def _without(self, reason: str) -> bool:
        """What happens where there is no answer. Raises Fault."""
        self.count_error(self.step)
        if self.on_error == "fail":
            fault = Fault(errors.CONDITION_FAILURE, detail=f"condition of {self.step}: {reason}")
            fault.policy = self.step
            raise fault
        return self.on_error == "run"


class MessageCondition(Condition):
    """The condition under which a step sees a message; an error in it does the same."""

    def holds_for(self, exchange: Exchange, message: Message) -> bool:
        """Whether the step sees the message. Raises Fault where the condition has an error and the step says
        ``fail``."""
        try:
            value = self.evaluate(exchange, message)
            if value is True or value is False:
                return value
            reason = f"the condition is {type(value).__name__}, not true or false"
        except EvaluationError as error:
            reason = str(error)
        return self._without(reason)


def message_call(on_message: Call, condition: MessageCondition | None) -> Call:
    """One call for a message out of a policy's ``on_message`` and its condition."""
    if condition is None:
        return on_message
    holds = condition.holds_for

    def conditional(exchange: Exchange, message: Message) -> Any:
        return on_message(exchange, message) if holds(exchange, message) else None

    return conditional


def step_call(
    method: Call | None, after: Call | None, condition: Condition | None, join: Callable[[Exchange], None] | None = None
) -> Call:
    """One call out of a policy's method for a flow, its ``after`` and its condition.

    ``join`` is called when the step has been passed: it has the step see the messages of the exchange.
    """
    call = method if after is None else _noting(method, after)
    if join is not None:
        call = _joining(call, join)
    if call is None:
        raise ValueError("a step needs a method, an after or an on_message")
    if condition is None:
        return call
    holds = condition.holds

    def conditional(exchange: Exchange) -> Any:
        return call(exchange) if holds(exchange) else None

    return conditional


def _noting(method: Call | None, after: Call) -> Call:
    """The method, and then a note that ``after`` has to run."""
    if method is None:
        return lambda exchange: exchange._afters.append(after)

    async def wait(pending: Awaitable[Any], exchange: Exchange) -> None:
        await pending
        exchange._afters.append(after)

    def noting(exchange: Exchange) -> Any:
        pending = method(exchange)
        if pending is not None:
            return wait(pending, exchange)
        exchange._afters.append(after)
        return None

    return noting


def _joining(method: Call | None, join: Callable[[Exchange], None]) -> Call:
    """The method, and then ``join``."""
    if method is None:
        return join

    async def wait(pending: Awaitable[Any], exchange: Exchange) -> None:
        await pending
        join(exchange)

    def joining(exchange: Exchange) -> Any:
        pending = method(exchange)
        if pending is not None:
            return wait(pending, exchange)
        join(exchange)
        return None

    return joining


def around_call(name: str, around: Around, condition: Condition | None, send: Send) -> Send:
    """The endpoint call ``send``, wrapped by the ``around`` of the policy at step ``name``."""

    async def wrapped(exchange: Exchange) -> Any:
        if condition is not None and not condition.holds(exchange):
            return await send(exchange)
        try:
            return await around(exchange, send)
        except Reject as refusal:  # of this policy, or of one within that has put its name there
            if refusal.policy is None:
                refusal.policy = name
            raise

    return wrapped


def buffered(part: Literal["request", "response"], limit: int | None) -> CompiledStep:
    """The step that buffers a body, in front of the first step that must see it whole."""

    async def buffer(exchange: Exchange) -> None:
        message = exchange.request if part == "request" else exchange.response
        if message is not None:
            await message.body.read(limit)

    return CompiledStep(f"buffer {part} body", buffer)


def editing(part: Literal["request", "response"], steps: tuple[CompiledStep, ...]) -> CompiledStep:
    """One step out of several that only change the headers of a message."""
    edits = tuple(edit for step in steps for edit in step.edits)

    def edit_request(exchange: Exchange) -> None:
        exchange.request.headers.edit(edits)

    def edit_response(exchange: Exchange) -> None:
        if exchange.response is not None:
            exchange.response.headers.edit(edits)

    call = edit_request if part == "request" else edit_response
    return CompiledStep(", ".join(step.name for step in steps), call, together=steps)


def run(steps: tuple[CompiledStep, ...], exchange: Exchange) -> Awaitable[None] | None:
    """Walk a flow; an awaitable of the rest where a step waits for something.

    Raises Respond, or a Fault that names its step; any other exception becomes such a Fault. No local variable keeps
    what was raised: it would keep itself by its traceback, with the whole exchange, until the garbage collector comes.
    """
    left = iter(steps)
    step = steps[0]
    try:
        for step in left:  # the handler below says which step it was
            pending = step.call(exchange)
            if pending is not None:
                return _run_on(pending, step, left, exchange)
    except Respond:
        raise
    except Fault as fault:
        _name(fault, step.name)
        raise
    except Exception as error:
        raise fault_of(error, step.name) from error
    return None


async def _run_on(
    pending: Awaitable[Any], step: CompiledStep, left: Iterator[CompiledStep], exchange: Exchange
) -> None:
    """``run``, from the step on that waits."""
    try:
        await pending
        for step in left:
            pending = step.call(exchange)
            if pending is not None:
                await pending
    except Respond:
        raise
    except Fault as fault:
        _name(fault, step.name)
        raise
    except Exception as error:
        raise fault_of(error, step.name) from error


def _name(fault: Fault, step: str) -> None:
    """Say which step failed, unless that is known."""
    if fault.policy is None:
        fault.policy = step


def fault_of(error: Exception, step: str) -> Fault:
    """The fault that an exception of a plugin becomes: the client learns nothing of it, the operator all."""
    if isinstance(error, BodyTooLarge):
        fault = Fault(errors.CONTENT_TOO_LARGE, f"The body is larger than {error.limit} bytes")
    elif isinstance(error, BrokenBody):
        fault = error.fault
    elif isinstance(error, BodyError):
        fault = Fault(errors.INCOMPLETE_PAYLOAD, detail=str(error))
    else:
        return PluginFault(error, step)
    fault.policy = step
    return fault


class PluginFault(Fault):
    """A plugin raised what it should not have: 500 for this exchange, and nothing else is touched."""

    def __init__(self, error: Exception, step: str) -> None:
        super().__init__(errors.POLICY_FAILURE, detail=f"{step}: {type(error).__name__}: {error}")
        self.error = error
        self.policy = step
