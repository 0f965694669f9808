"""The pipeline: takes one exchange along the request path, from match to answer.

    match -> ENTRY flow -> authenticate -> authorize -> plan limits
          -> REQUEST flow -> endpoint -> RESPONSE flow
    any failure -> FAULT flow

Everything that can be decided when a configuration is deployed is in the ``Target`` and its ``Chain``; what is left
for a request is to walk them. A pipeline belongs to one snapshot and is never changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from time import monotonic
from typing import Any

from apim_sdk import errors
from apim_sdk.errors import Fault, Reject, Respond
from apim_sdk.exchange import API, Exchange, Operation
from apim_sdk.headers import Headers
from apim_sdk.messages import Response
from apim_sdk.policy import Send

from apim_core.admission import Admission, CompiledPlan, authorize
from apim_core.faults import FaultTemplates, render
from apim_core.http.target import InvalidTarget, canonical_path
from apim_core.messages import Meters, attach, no_meters
from apim_core.routing import NotAllowed, Router
from apim_core.steps import CompiledStep, PluginFault, fault_of, run

__all__ = ["Chain", "Pipeline", "Target"]

Steps = tuple[CompiledStep, ...]
Answer = Response | Coroutine[Any, Any, Response]


class Chain:
    """All flows of an operation for consumers of one plan; ``send`` is the endpoint's with ``arounds`` wrapped on.

    ``messages`` are the steps that see messages of streams; an exchange has those of them that it passed.
    """

    __slots__ = ("arounds", "fault", "messages", "request", "response", "send")

    def __init__(
        self, request: Steps, arounds: Steps, send: Send, response: Steps, fault: Steps, messages: Steps = ()
    ) -> None:
        self.request = request
        self.arounds = arounds
        self.send = send
        self.response = response
        self.fault = fault
        self.messages = messages


class Target:
    """What a route leads to: an operation, ready to be called.

    ``chain`` answers the chain for consumers of a plan (None: before, or without, a plan); it builds each only once.
    ``admission`` is None where the operation is open to everybody.
    """

    __slots__ = ("admission", "api", "chain", "context_length", "entry", "operation", "templates")

    def __init__(
        self,
        api: API,
        operation: Operation,
        entry: Steps,
        admission: Admission | None,
        chain: Callable[[str | None], Chain],
        templates: tuple[FaultTemplates, ...],
    ) -> None:
        self.api = api
        self.operation = operation
        self.entry = entry
        self.admission = admission
        self.chain = chain
        self.templates = templates
        self.context_length = 0 if api.context == "/" else len(api.context)


class Pipeline:
    """The request path of one snapshot.

    ``fault`` is the gateway's own FAULT flow, for requests that match no API; ``on_failure`` is told of every plugin
    that raised what it should not have. ``message_limit`` bounds a message of a stream that policies see, in bytes;
    ``meters`` count them.
    """

    def __init__(
        self,
        router: Router[Target],
        fault: Steps,
        templates: FaultTemplates,
        on_failure: Callable[[str, BaseException], None],
        message_limit: int = 1 << 20,
        meters: Meters = no_meters,
    ) -> None:
        self.router = router
        self._match = router.match
        self._nowhere = Chain((), (), _unreachable, (), fault)
        self._templates = (templates,)
        self._on_failure = on_failure
        self._message_limit = message_limit
        self._meters = meters

    def answer(self, exchange: Exchange) -> Answer:
        """The answer to an exchange: the endpoint's, a policy's or that to a fault. Raises on cancellation only.

        What waits for nothing is done when this returns; as nearly always for an endpoint, the rest is a coroutine.
        """
        target: Target | None = None
        plan: CompiledPlan | None = None
        try:
            target = self._find(exchange)
            if target.entry:
                waiting = run(target.entry, exchange)
                if waiting is not None:
                    return self._later(waiting, self._admit, exchange, target, self._nowhere)
            if target.admission is not None:
                admitted = target.admission.admit(exchange)
                if not isinstance(admitted, CompiledPlan):
                    return self._later(admitted, self._enter, exchange, target, self._nowhere)
                plan = admitted
        except Exception as error:
            return self._stop(error, exchange, target, self._nowhere)
        return self._enter(exchange, target, plan)

    def _admit(self, exchange: Exchange, target: Target, came: None) -> Answer:
        """From admission on, where an ENTRY flow has waited."""
        if target.admission is None:
            return self._enter(exchange, target, None)
        try:
            admitted = target.admission.admit(exchange)
        except Exception as error:
            return self._stop(error, exchange, target, self._nowhere)
        if isinstance(admitted, CompiledPlan):
            return self._enter(exchange, target, admitted)
        return self._later(admitted, self._enter, exchange, target, self._nowhere)

    def _enter(self, exchange: Exchange, target: Target, plan: CompiledPlan | None) -> Answer:
        """From authorization on."""
        chain = self._nowhere
        path = exchange.endpoint_path
        try:
            if plan is None:
                chain = target.chain(None)
            else:
                chain = target.chain(plan.plan.name)
                if target.operation.scopes:
                    authorize(exchange, plan)
            if chain.request:
                waiting = run(chain.request, exchange)
                if waiting is not None:
                    return self._later(waiting, partial(self._send, chain, path), exchange, target, chain)
        except Respond as answer:
            exchange.response = answer.response
            return self._respond(exchange, target, chain)
        except Exception as error:
            return self._stop(error, exchange, target, chain)
        return self._send(chain, path, exchange, target)

    async def _later(
        self,
        waiting: Awaitable[Any],
        go_on: Callable[[Exchange, Target, Any], Answer],
        exchange: Exchange,
        target: Target,
        chain: Chain,
    ) -> Response:
        """Wait, and go on with what came of it."""
        try:
            came = await waiting
        except Exception as error:
            answer = self._stop(error, exchange, target, chain)
        else:
            answer = go_on(exchange, target, came)
        return answer if isinstance(answer, Response) else await answer

    async def _send(self, chain: Chain, path: str, exchange: Exchange, target: Target, came: None = None) -> Response:
        """From the endpoint on; ``path`` is where that was before the REQUEST flow."""
        timings = exchange.timings
        try:
            if exchange.endpoint_path is not path:
                exchange.endpoint_path = _rewritten(exchange.endpoint_path)
            timings.endpoint_started = monotonic()
            exchange.response = await chain.send(exchange)
            timings.endpoint_finished = monotonic()
        except Exception as error:
            answer = self._stop(error, exchange, target, chain)
        else:
            answer = self._respond(exchange, target, chain)
        return answer if isinstance(answer, Response) else await answer

    def _stop(self, error: Exception, exchange: Exchange, target: Target | None, chain: Chain) -> Answer:
        """The way to the endpoint, or the endpoint, has ended with an answer or a fault."""
        if chain is self._nowhere and target is not None:
            chain = target.chain(None)
        if not isinstance(error, Respond):
            return self._fail(error, exchange, target, chain)
        exchange.response = error.response
        return self._respond(exchange, target, chain)

    def _respond(self, exchange: Exchange, target: Target | None, chain: Chain) -> Answer:
        """There is an answer: it goes through the RESPONSE flow, and leaves."""
        if chain.response:
            try:
                waiting = run(chain.response, exchange)
            except Exception as error:
                return self._fail(error, exchange, target, chain)
            if waiting is not None:
                return self._respond_later(waiting, exchange, target, chain)
        if exchange._afters or exchange.messages is not None:
            return self._attach(exchange, target, chain)
        return exchange.response  # type: ignore[return-value]  # there is one

    async def _respond_later(
        self, waiting: Awaitable[None], exchange: Exchange, target: Target | None, chain: Chain
    ) -> Response:
        try:
            await waiting
        except Exception as error:
            answer = self._fail(error, exchange, target, chain)
        else:
            answer = self._attach(exchange, target, chain)
        return answer if isinstance(answer, Response) else await answer

    def _attach(self, exchange: Exchange, target: Target | None, chain: Chain) -> Answer:
        """Have the steps that want to see the messages of the answer see them."""
        if exchange.messages is not None:
            try:
                attach(exchange, self._message_limit, self._on_failure, self._meters)
            except Fault as fault:
                return self._fail(fault, exchange, target, chain)
        return self._leave(exchange)

    def _fail(self, error: Exception, exchange: Exchange, target: Target | None, chain: Chain) -> Answer:
        """Put the answer to a fault into the exchange, and run the FAULT flow on it; or the answer of a policy that
        answered in the RESPONSE flow."""
        if isinstance(error, Respond):
            exchange.response = error.response
            return self._attach(exchange, target, chain)
        fault = error if isinstance(error, Fault) else fault_of(error, "endpoint")
        self._report(fault)
        if exchange.response is not None:
            exchange.response.body.close()
        exchange.faulted(fault)
        templates = self._templates if target is None else target.templates
        exchange.response = render(fault, exchange, templates)
        if chain.fault:
            try:
                waiting = run(chain.fault, exchange)
                if waiting is not None:
                    return self._fail_later(waiting, exchange, templates)
            except Exception as second:
                self._fail_again(second, exchange, templates)
        return self._leave(exchange)

    async def _fail_later(
        self, waiting: Awaitable[None], exchange: Exchange, templates: tuple[FaultTemplates, ...]
    ) -> Response:
        try:
            await waiting
        except Exception as second:
            self._fail_again(second, exchange, templates)
        answer = self._leave(exchange)
        return answer if isinstance(answer, Response) else await answer

    def _fail_again(self, error: Exception, exchange: Exchange, templates: tuple[FaultTemplates, ...]) -> None:
        """The FAULT flow has ended with an answer, or a fault of its own."""
        if isinstance(error, Respond):
            exchange.response = error.response
            return
        second = error if isinstance(error, Fault) else fault_of(error, "fault flow")
        self._report(second)
        exchange.fault = second
        exchange.response = render(second, exchange, templates)

    def _report(self, fault: Fault) -> None:
        """Tell of a plugin's bug. Then let go of the frames that were on the way of the fault: they keep the exchange,
        which will keep the fault."""
        if isinstance(fault, PluginFault):
            self._on_failure(fault.policy or "endpoint", fault.error)
            fault.error.__traceback__ = None
        fault.__traceback__ = fault.__context__ = fault.__cause__ = None

    def _leave(self, exchange: Exchange) -> Answer:
        """The answer is about to leave."""
        if exchange._afters:
            waiting = self.finish(exchange)
            if waiting is not None:
                return self._leave_later(waiting, exchange)
        assert exchange.response is not None
        return exchange.response

    async def _leave_later(self, waiting: Awaitable[None], exchange: Exchange) -> Response:
        await waiting
        assert exchange.response is not None
        return exchange.response

    def finish(self, exchange: Exchange) -> Coroutine[Any, Any, None] | None:
        """Run what policies want run when the answer leaves, or instead of it when the client has gone away; a
        coroutine of the rest where one of them waits."""
        afters = exchange._afters
        while afters:
            after = afters.pop()
            try:
                pending = after(exchange)
            except Exception as error:
                self._on_failure(_owner(after), error)
            else:
                if pending is not None:
                    return self._finish_later(after, pending, exchange)
        return None

    async def _finish_later(
        self, after: Callable[[Exchange], Any], pending: Awaitable[None], exchange: Exchange
    ) -> None:
        try:
            await pending
        except Exception as error:
            self._on_failure(_owner(after), error)
        rest = self.finish(exchange)
        if rest is not None:
            await rest

    def _find(self, exchange: Exchange) -> Target:
        request = exchange.request
        found = self._match(request.method, request.host, request.path)
        if found.__class__ is tuple:
            target, parameters = found
            exchange.api = target.api
            exchange.operation = target.operation
            exchange.endpoint_path = request.path[target.context_length :] or "/"
            if parameters:
                exchange.path_parameters = parameters
            return target
        if isinstance(found, NotAllowed):
            return self._other_method(found, exchange)
        raise Reject(errors.NOT_FOUND)

    def _other_method(self, found: NotAllowed[Target], exchange: Exchange) -> Target:
        """The path is known and the method is not: OPTIONS is answered after the ENTRY flow, any other is refused."""
        allow = {"Allow": ", ".join(found.allowed)}
        known = found.targets[0]
        exchange.api = known.api
        entry: Steps = ()
        if exchange.request.method == "OPTIONS":
            exchange.operation = Operation("OPTIONS", known.operation.template)
            answer = Response(204, Headers(allow.items()))
            entry = (*known.entry, CompiledStep("options", _raising(Respond(answer))))
        else:
            exchange.operation = Operation("*", known.operation.template)
            entry = (CompiledStep("match", _raising(Reject(errors.METHOD_NOT_ALLOWED, headers=allow))),)
        return Target(known.api, exchange.operation, entry, None, known.chain, known.templates)


def _rewritten(path: str) -> str:
    """A path that a policy made, canonical like the one that came in. Raises Fault where it has no canonical form."""
    try:
        return canonical_path(path)
    except InvalidTarget as error:
        raise Fault(errors.BAD_REQUEST, "The rewritten path is not valid", detail=f"{path!r}: {error}") from error


def _raising(exception: Exception) -> Callable[[Exchange], Any]:
    def raise_it(exchange: Exchange) -> None:
        raise exception

    return raise_it


def _owner(method: Any) -> str:
    return type(getattr(method, "__self__", method)).__name__


async def _unreachable(exchange: Exchange) -> Response:
    raise Reject(errors.NOT_FOUND)
