"""Flows: from the policies of each level to the one chain that an operation has for a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import Any, Literal

import attrs
from apim_sdk.fields import Expression, Template
from apim_sdk.headers import HeaderEdit
from apim_sdk.policy import Policy, Send

from apim_core.config import Step
from apim_core.messages import join
from apim_core.pipeline import Chain, Steps
from apim_core.steps import (
    CompiledStep,
    Condition,
    MessageCondition,
    around_call,
    buffered,
    editing,
    message_call,
    step_call,
)

__all__ = ["EMPTY", "FlowName", "Level", "Part", "build_chain", "compile_step", "entry_steps"]

FlowName = Literal["entry", "request", "response", "fault"]

_METHODS: Mapping[FlowName, str] = {
    "entry": "on_request",
    "request": "on_request",
    "response": "on_response",
    "fault": "on_fault",
}


@attrs.frozen
class Part:
    """One configured policy in one flow: what it does in passing, and how it wraps the endpoint call."""

    step: CompiledStep | None
    around: CompiledStep | None
    """Its call takes what is wrapped and answers the wrapping."""
    reads_body: bool
    message: CompiledStep | None = None
    """Its call takes an exchange that has passed the step, and a message of it."""


@attrs.frozen
class Level:
    """The compiled flows of one level: the gateway, a plan, an API or an operation."""

    entry: tuple[Part, ...] = ()
    request: tuple[Part, ...] = ()
    response: tuple[Part, ...] = ()
    fault: tuple[Part, ...] = ()
    limits: tuple[Part, ...] = ()
    """Of a plan only: they run before every REQUEST flow."""


EMPTY = Level()


def compile_step(step: Step, flow: FlowName, policy: Policy, count_error: Callable[[str], None]) -> Part:
    """A part out of a step of the configuration and its policy."""
    name = step.name or step.plugin.name
    condition = None if step.when is None else Condition(step.when.evaluate, step.on_error, count_error, step=name)
    method = getattr(policy, _METHODS[flow], None)
    inward = flow in ("entry", "request")
    after = getattr(policy, "after", None) if inward else None
    on_message = getattr(policy, "on_message", None) if inward and policy.sees_messages else None

    def compiled(call: Callable[..., Any], edits: tuple[HeaderEdit, ...] = ()) -> CompiledStep:
        when = "" if step.when is None else step.when.source
        when_message = "" if step.when_message is None else step.when_message.source
        return CompiledStep(name, call, step.source.file, step.source.pointer, when, edits, when_message=when_message)

    message = None
    if on_message is not None:
        about = step.when_message
        holds = None if about is None else MessageCondition(about.evaluate, step.on_error, count_error, step=name)
        message = compiled(message_call(on_message, holds))
    joining = None if message is None else partial(join, step=message)
    passing = None
    if method is not None or after is not None or message is not None:
        alone = after is None and condition is None and joining is None
        passing = compiled(step_call(method, after, condition, joining), policy.header_edits if alone else ())
    around = getattr(policy, "around", None) if flow == "request" else None
    wrapping = None if around is None else compiled(partial(around_call, name, around, condition))
    reads_body = policy.reads_body or _mentions_body(policy) or (step.when is not None and step.when.reads_body)
    return Part(passing, wrapping, reads_body, message)


def _mentions_body(settings: Any) -> bool:
    """Whether an expression or template among the settings reads the body."""
    if isinstance(settings, (Expression, Template)):
        return settings.reads_body
    if isinstance(settings, (tuple, list, frozenset)):
        return any(map(_mentions_body, settings))
    if isinstance(settings, Mapping):
        return any(map(_mentions_body, settings.values()))
    if attrs.has(type(settings)):
        return any(_mentions_body(getattr(settings, field.name)) for field in attrs.fields(type(settings)))
    return False


def entry_steps(levels: Iterable[Level], buffer_limit: int | None) -> Steps:
    """The ENTRY flow: gateway, API."""
    return _steps([part for level in levels for part in level.entry], "request", buffer_limit)


def build_chain(
    *, gateway: Level, plan: Level, api: Level, operation: Level, send: Send, buffer_limit: int | None
) -> Chain:
    """The flows of all levels in the order in which they run.

    REQUEST: the plan's limits, then gateway, plan, API, operation. RESPONSE and FAULT: plan, API, operation, gateway.
    """
    inward = [*plan.limits, *(part for level in (gateway, plan, api, operation) for part in level.request)]
    outward = (plan, api, operation, gateway)
    arounds = tuple(part.around for part in inward if part.around is not None)
    for around in reversed(arounds):
        send = around.call(send)
    return Chain(
        _steps(inward, "request", buffer_limit),
        arounds,
        send,
        _steps([part for level in outward for part in level.response], "response", buffer_limit),
        _steps([part for level in outward for part in level.fault], "response", buffer_limit),
        tuple(part.message for part in (*gateway.entry, *api.entry, *inward) if part.message is not None),
    )


def _steps(parts: Iterable[Part], message: Literal["request", "response"], buffer_limit: int | None) -> Steps:
    steps: list[CompiledStep] = []
    whole = False
    for part in parts:
        if part.reads_body and not whole:
            steps.append(buffered(message, buffer_limit))
            whole = True
        if part.step is not None:
            steps.append(part.step)
    return tuple(_in_one_go(steps, message))


def _in_one_go(steps: Iterable[CompiledStep], message: Literal["request", "response"]) -> Iterator[CompiledStep]:
    """The steps, those that only change headers and stand side by side as one."""
    for only_edit, group in groupby(steps, lambda step: step.edits != ()):
        run = tuple(group)
        if only_edit and len(run) > 1:
            yield editing(message, run)
        else:
            yield from run
