"""``apim explain FILE METHOD URL``: what would become of a request, and which line of the file says so."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Generator, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from apim_sdk.errors import Fault
from apim_sdk.exchange import Exchange
from apim_sdk.headers import Headers
from apim_sdk.identity import Client
from apim_sdk.messages import Request

from apim_core.assembly import Assembly, Observer, assemble
from apim_core.config import ConfigErrors, SourceRef, load, locate, locate_problems
from apim_core.http.target import InvalidTarget, canonical_path
from apim_core.pipeline import Steps, Target
from apim_core.registry import Registry
from apim_core.routing import NotAllowed, near

__all__ = ["add", "explain"]


def add(parsers: Any) -> None:
    """Add the verb."""
    parser = parsers.add_parser("explain", help="show what would become of a request, and why")
    parser.add_argument("file", help="the configuration, YAML")
    parser.add_argument("method", help="the method, such as GET")
    parser.add_argument("url", help="URL, or path with query")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="'Name: value'", help="a header field")
    parser.add_argument("--client", default="127.0.0.1", metavar="ADDRESS", help="address of the client")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation; 1 if no operation takes the request."""
    try:
        request, client = _request(arguments), Client(ip_address(arguments.client))
    except ValueError as error:
        print(f"apim explain: {error}", file=sys.stderr)
        return 2
    registry = Registry()
    try:
        assembly = assemble(
            load(arguments.file, find_plugin=registry.load), registry, Observer(lambda *_: None, lambda _: None)
        )
    except ConfigErrors as errors:
        raise ConfigErrors(locate_problems(errors.problems)) from None
    exchange = Exchange(request, client)
    for line in explain(assembly, exchange):
        print(line)
    return 0 if hasattr(exchange, "operation") else 1


def _request(arguments: argparse.Namespace) -> Request:
    parts = urlsplit(arguments.url)
    headers = Headers()
    for header in arguments.header:
        name, colon, value = header.partition(":")
        if not colon:
            raise ValueError(f"{header!r} is no header: write 'Name: value'")
        headers.add(name.strip(), value.strip())
    try:
        path = canonical_path(parts.path or "/")
    except InvalidTarget as error:
        raise ValueError(f"the gateway refuses this path with 400: {error}") from error
    host = (headers.get("Host") or parts.netloc or "localhost").lower()
    return Request(arguments.method.upper(), path, parts.query, headers, host=host, scheme=parts.scheme or "http")


def explain(assembly: Assembly, exchange: Exchange) -> Iterator[str]:
    """Lines that say which API and operation match and which nearly did, which plan, and every policy in order."""
    request = exchange.request
    router = assembly.pipeline.router
    found = router.match(request.method, request.host, request.path)
    yield f"{request.method} {request.path} on host {request.host}"
    if isinstance(found, tuple):
        target, parameters = found
        yield from _matched(assembly, target, dict(parameters), exchange)
    elif isinstance(found, NotAllowed):
        yield from _other_method(request.method, found)
    else:
        yield "404: no operation matches"
    candidates = near(router, request.method, request.host, request.path)
    if candidates:
        yield "nearly matched:"
        for candidate in candidates:
            target = candidate.route.target
            yield f"  {candidate.route.label} of {target.api.name} {target.api.version}: {'; '.join(candidate.reasons)}"


def _other_method(method: str, found: NotAllowed[Target]) -> Iterator[str]:
    known = f"the path is known, for the methods {', '.join(found.allowed)}"
    if method != "OPTIONS":
        yield f"405: {known}"
        return
    yield f"204: {known}; the gateway answers OPTIONS itself"
    yield from _flow("ENTRY flow", found.targets[0].entry)


def _matched(assembly: Assembly, target: Target, parameters: dict[str, str], exchange: Exchange) -> Iterator[str]:
    exchange.api, exchange.operation = target.api, target.operation
    exchange.path_parameters = parameters
    exchange.endpoint_path = exchange.request.path[target.context_length :] or "/"
    yield f"API {target.api.name} {target.api.version}, context {target.api.context}"
    yield f"operation {target.operation.label}  {_place(assembly.sources[id(target)])}"
    for name, value in parameters.items():
        yield f"  path.{name} = {value!r}"
    plan = yield from _plan(target, exchange)
    if target.operation.scopes:
        yield f"needs one of the scopes: {', '.join(target.operation.scopes)}"
    chain = target.chain(plan)
    yield from _flow("ENTRY flow", target.entry)
    yield from _flow("REQUEST flow", chain.request)
    yield from _flow("around the endpoint", chain.arounds)
    yield f"endpoint, path {exchange.endpoint_path} unless a policy changes it"
    yield from _flow("each message of a stream", chain.messages)
    yield from _flow("RESPONSE flow", chain.response)
    yield from _flow("FAULT flow", chain.fault)


def _plan(target: Target, exchange: Exchange) -> Generator[str, None, str | None]:
    """The plan that would be taken; credentials are found, not judged."""
    if target.admission is None:
        yield "open to everybody (authentication: none)"
        return None
    chosen: str | None = None
    presented = False
    for plan in target.admission.plans:
        try:
            reason = "its condition does not hold"
            if plan.condition is None or plan.condition.holds(exchange):
                reason = "the request carries no such credential"
                if plan.anonymous:
                    reason = "it takes only who presents nothing" if presented else "it lets everybody in"
                    chosen = chosen or (None if presented else plan.plan.name)
                elif plan.find(exchange) is not None:
                    reason, presented = "its credential is there", True
                    chosen = chosen or plan.plan.name
                elif plan.begun is not None and plan.begun(exchange):
                    reason, presented = "of its credentials some are missing", True
        except Fault as fault:
            reason, presented = f"its credential is refused: {fault}", True
        mark = "->" if chosen == plan.plan.name else "  "
        needs = ", subscription required" if plan.requires_subscription else ""
        yield f"{mark} plan {plan.plan.name}: {reason}{needs}"
    if chosen is None:
        yield "401: no plan finds its credential"
    return chosen


def _flow(name: str, steps: Steps) -> Iterator[str]:
    if not steps:
        return
    yield name
    for step in itertools.chain.from_iterable(step.together or (step,) for step in steps):
        place = _place(SourceRef(step.file, step.pointer)) if step.file else "put in by the gateway"
        when = f"  when {step.when}" if step.when else ""
        when_message = f"  when_message {step.when_message}" if step.when_message else ""
        yield f"  {step.name}  {place}{when}{when_message}"


def _place(source: SourceRef) -> str:
    return str(locate(source)) if source.file else ""
