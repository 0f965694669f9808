"""Call one policy as the gateway would, and see what came of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, cast

import attrs

from apim_sdk.context import Context
from apim_sdk.endpoint import Endpoint
from apim_sdk.errors import POLICY_FAILURE, Fault, Respond
from apim_sdk.exchange import Exchange
from apim_sdk.messages import Response
from apim_sdk.policy import FLOW_METHODS, Policy, flows_of
from apim_sdk.testing.context import started
from apim_sdk.testing.endpoint import FakeEndpoint
from apim_sdk.testing.exchanges import make_response

__all__ = ["Outcome", "call", "run"]


@attrs.frozen
class Outcome:
    """What became of an exchange.

    Either ``response`` or ``fault`` says how it ended; bodies have been read, so ``response.body.data`` is the content.
    """

    exchange: Exchange
    """The exchange, as the policy left it."""
    response: Response | None = None
    """The answer: the endpoint's, as the policy left it, or the one that the policy gave with Respond."""
    fault: Fault | None = None
    """How the exchange was refused or failed."""
    reached_endpoint: bool = False
    """Whether the request went to the endpoint."""

    @property
    def status(self) -> int:
        """The HTTP status that the client sees."""
        if self.fault is not None:
            return self.fault.status
        assert self.response is not None, "an exchange ends with a response or a fault"
        return self.response.status

    @property
    def body(self) -> bytes:
        """The content of the answer; empty for a fault, whose body the gateway writes."""
        return (self.response.body.data or b"") if self.response is not None else b""


def call(
    policy: Policy,
    exchange: Exchange,
    *,
    flow: str | None = None,
    endpoint: Endpoint | None = None,
    context: Context | None = None,
) -> Outcome:
    """Start the policy, run it on one exchange, stop it; for a plain test function.

    It runs in ``flow`` (``entry``, ``request``, ``response``, ``fault``), by default in the request flow if it may
    stand there, else in the one flow that it is for. ``endpoint`` answers the request; unless given, it is a
    FakeEndpoint that says 200. Errors other than Fault and Respond come out as they are. Where several exchanges must
    meet the same state, use ``started`` and ``run`` in a coroutine.
    """

    async def once() -> Outcome:
        async with started(policy, context):
            return await run(policy, exchange, flow=flow, endpoint=endpoint)

    return asyncio.run(once())


async def run(
    policy: Policy, exchange: Exchange, *, flow: str | None = None, endpoint: Endpoint | None = None
) -> Outcome:
    """Run a policy that has been started on one exchange; as ``call``, for a coroutine."""
    flow = flow or _usual_flow(policy)
    if not any(hasattr(policy, method) for method in FLOW_METHODS[flow]):
        raise ValueError(f"{type(policy).__name__} defines none of {', '.join(FLOW_METHODS[flow])}: not for {flow!r}")
    passage = _Passage(policy, exchange, endpoint or FakeEndpoint())
    passed = {
        "entry": passage.request,
        "request": passage.request,
        "response": passage.response,
        "fault": passage.fault,
    }[flow]
    try:
        try:
            response = await passed()
        finally:
            await _leave(exchange)
        await exchange.request.body.read()
        await response.body.read()
    except Fault as fault:
        return Outcome(exchange, None, fault, passage.reached)
    finally:
        while exchange._deferred:
            exchange._deferred.pop()()
    return Outcome(exchange, response, None, passage.reached)


def _usual_flow(policy: Policy) -> str:
    flows = flows_of(type(policy))
    if not flows:
        raise ValueError(f"{type(policy).__name__} may stand in no flow: it defines none of the methods of a policy")
    return "request" if "request" in flows else flows[0]


async def _leave(exchange: Exchange) -> None:
    """Call back whoever asked for it with ``before_answer``, the last first."""
    while exchange._afters:
        pending = exchange._afters.pop()(exchange)
        if inspect.isawaitable(pending):
            await pending


class _Passage:
    """One exchange on its way past one policy."""

    def __init__(self, policy: Policy, exchange: Exchange, endpoint: Endpoint) -> None:
        self._policy = policy
        self._exchange = exchange
        self._endpoint = endpoint
        self.reached = False

    async def request(self) -> Response:
        """ENTRY and REQUEST: ``on_request``, then the endpoint inside ``around``, then ``after``."""
        exchange = self._exchange
        if self._policy.reads_body:
            await exchange.request.body.read()
        try:
            await self._run("on_request")
        except (Fault, Respond) as end:
            return self._ended(end)
        try:
            around = cast(Callable[..., Any] | None, getattr(self._policy, "around", None))
            exchange.response = await (self._send(exchange) if around is None else around(exchange, self._send))
            return cast(Response, exchange.response)
        except (Fault, Respond) as end:
            return self._ended(end)
        finally:
            await self._run("after")

    async def response(self) -> Response:
        """RESPONSE: ``on_response`` on the exchange's response, else on what the endpoint answers."""
        exchange = self._exchange
        if exchange.response is None:
            exchange.response = await self._send(exchange)
        if self._policy.reads_body:
            await exchange.response.body.read()
        try:
            await self._run("on_response")
        except (Fault, Respond) as end:
            return self._ended(end)
        return exchange.response

    async def fault(self) -> Response:
        """FAULT: ``on_fault`` on the exchange's fault and answer; they are made up if the exchange has none."""
        exchange = self._exchange
        exchange.fault = exchange.fault or Fault(POLICY_FAILURE)
        exchange.response = exchange.response or make_response(exchange.fault.status)
        await self._run("on_fault")
        return exchange.response

    def _ended(self, end: Fault | Respond) -> Response:
        """Note how the exchange ended early: the answer, or the fault again."""
        if isinstance(end, Respond):
            self._exchange.response = end.response
            return end.response
        self._exchange.faulted(end)
        self._exchange.response = make_response(end.status, end.headers)
        raise end

    async def _send(self, exchange: Exchange) -> Response:
        self.reached = True
        return await self._endpoint.send(exchange)

    async def _run(self, method: str) -> None:
        step = getattr(self._policy, method, None)
        if step is not None:
            result = step(self._exchange)
            if inspect.isawaitable(result):
                await result
