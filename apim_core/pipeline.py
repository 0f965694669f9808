"""The pipeline: takes one exchange along the request path, from match to answer.

    match -> ENTRY flow -> authenticate -> authorize -> plan limits
          -> REQUEST flow -> endpoint -> RESPONSE flow
    any failure -> FAULT flow

Everything that can be decided when a configuration is deployed is in the ``Target`` and its ``Chain``; what is left
for a request is to walk them. A pipeline belongs to one snapshot and is never changed.
"""

from __future__ import annotations

from collections.abc import Callable
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
from apim_core.routing import NotAllowed, Router
from apim_core.steps import CompiledStep, PluginFault, fault_of, run

__all__ = ["Chain", "Pipeline", "Target"]

Steps = tuple[CompiledStep, ...]


class Chain:
    """All flows of an operation for consumers of one plan; ``send`` is the endpoint's with ``arounds`` wrapped on."""

    __slots__ = ("arounds", "fault", "request", "response", "send")

    def __init__(self, request: Steps, arounds: Steps, send: Send, response: Steps, fault: Steps) -> None:
        self.request = request
        self.arounds = arounds
        self.send = send
        self.response = response
        self.fault = fault


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
    that raised what it should not have.
    """

    def __init__(
        self,
        router: Router[Target],
        fault: Steps,
        templates: FaultTemplates,
        on_failure: Callable[[str, BaseException], None],
    ) -> None:
        self.router = router
        self._match = router.match
        self._nowhere = Chain((), (), _unreachable, (), fault)
        self._templates = (templates,)
        self._on_failure = on_failure

    async def answer(self, exchange: Exchange) -> Response:
        """The answer to an exchange: the endpoint's, a policy's or that to a fault. Raises on cancellation only."""
        target: Target | None = None
        chain = self._nowhere
        try:
            try:
                target = self._find(exchange)
                if target.entry:
                    waiting = run(target.entry, exchange)
                    if waiting is not None:
                        await waiting
                admission = target.admission
                if admission is None:
                    chain = target.chain(None)
                else:
                    plan = admission.admit(exchange)
                    if not isinstance(plan, CompiledPlan):
                        plan = await plan
                    chain = target.chain(plan.plan.name)
                    if target.operation.scopes:
                        authorize(exchange, plan)
                if chain.request:
                    path = exchange.endpoint_path
                    waiting = run(chain.request, exchange)
                    if waiting is not None:
                        await waiting
                    if exchange.endpoint_path is not path:
                        exchange.endpoint_path = _rewritten(exchange.endpoint_path)
                timings = exchange.timings
                timings.endpoint_started = monotonic()
                exchange.response = await chain.send(exchange)
                timings.endpoint_finished = monotonic()
            except Respond as answer:
                exchange.response = answer.response
                if chain is self._nowhere and target is not None:
                    chain = target.chain(None)
            if chain.response:
                waiting = run(chain.response, exchange)
                if waiting is not None:
                    await waiting
        except Respond as answer:
            exchange.response = answer.response
        except Exception as error:
            await self._fail(error, exchange, target, chain)
        if exchange._afters:
            await self.finish(exchange)
        assert exchange.response is not None
        return exchange.response

    async def finish(self, exchange: Exchange) -> None:
        """Run what policies want run when the answer leaves, or instead of it when the client has gone away."""
        afters = exchange._afters
        while afters:
            after = afters.pop()
            try:
                pending = after(exchange)
                if pending is not None:
                    await pending
            except Exception as error:
                self._on_failure(_owner(after), error)

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

    async def _fail(self, error: Exception, exchange: Exchange, target: Target | None, chain: Chain) -> None:
        """Put the answer to a fault into the exchange, and run the FAULT flow on it."""
        fault = error if isinstance(error, Fault) else fault_of(error, "endpoint")
        self._report(fault)
        if chain is self._nowhere and target is not None:
            chain = target.chain(None)
        if exchange.response is not None:
            exchange.response.body.close()
        exchange.faulted(fault)
        templates = self._templates if target is None else target.templates
        exchange.response = render(fault, exchange, templates)
        if chain.fault:
            try:
                waiting = run(chain.fault, exchange)
                if waiting is not None:
                    await waiting
            except Respond as answer:
                exchange.response = answer.response
            except Fault as second:
                self._report(second)
                exchange.fault = second
                exchange.response = render(second, exchange, templates)

    def _report(self, fault: Fault) -> None:
        if isinstance(fault, PluginFault):
            self._on_failure(fault.policy or "endpoint", fault.error)


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
