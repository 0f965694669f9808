"""Checks of a plugin that serves many at once: nothing of one exchange may end up in another."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

from apim_sdk.authenticator import Authenticator
from apim_sdk.endpoint import Endpoint
from apim_sdk.errors import EvaluationError, Fault
from apim_sdk.exchange import Exchange
from apim_sdk.messages import Response
from apim_sdk.plugin import Plugin
from apim_sdk.policy import Policy, flows_of
from apim_sdk.testing.calling import run
from apim_sdk.testing.conformance.subject import Subject, require
from apim_sdk.testing.context import started
from apim_sdk.testing.endpoint import Answer, FakeEndpoint
from apim_sdk.testing.exchanges import make_exchange

__all__ = ["CHECKS", "KINDS"]

KINDS = (Policy, Authenticator, Endpoint)
"""The kinds that requests pass through."""

_EXCHANGES = 100
_MARK = re.compile(r"exchange-\d{3}-mark")


def a_hundred_exchanges_at_once_do_not_mix(subject: Subject) -> None:
    asyncio.run(_all_at_once(subject))


CHECKS = (a_hundred_exchanges_at_once_do_not_mix,)


async def _all_at_once(subject: Subject) -> None:
    plugin = subject.build()
    flows: tuple[str, ...] = flows_of(type(plugin)) if isinstance(plugin, Policy) else ("",)
    for flow in flows:
        async with started(subject.build(), subject.context()) as plugin:
            passage = _passage(plugin, flow)
            shown = await asyncio.gather(*(_mixed(passage, number) for number in range(_EXCHANGES)))
        for number, foreign in enumerate(shown):
            require(not foreign, f"{subject} lets exchange {number} of {_EXCHANGES} see of others: {sorted(foreign)}")


async def _mixed(passage: Callable[[Exchange], Awaitable[Any]], number: int) -> set[str]:
    """The marks of other exchanges that show in exchange ``number`` after it has passed."""
    mark = f"exchange-{number:03}-mark"
    exchange = make_exchange(
        f"POST /orders/{mark}?q={mark}",
        {"X-Mark": mark, "Content-Type": "application/json", "Authorization": f"Bearer {mark}", "X-API-Key": mark},
        [b'{"mark": ', f'"{mark}"'.encode(), b"}"],
        id=mark,
    )
    result = await passage(exchange)
    return set(_MARK.findall(repr(result) + await _text(exchange))) - {mark}


def _passage(plugin: Plugin, flow: str) -> Callable[[Exchange], Awaitable[Any]]:
    """A function that sends one exchange through the plugin, and answers what came of it."""

    async def policy(exchange: Exchange) -> Any:
        assert isinstance(plugin, Policy), "chosen below"
        mark = exchange.id
        echo = Answer(200, {"X-Mark": mark, "Content-Type": "application/json"}, [b'"', mark.encode(), b'"'])
        try:
            outcome = await run(plugin, exchange, flow=flow, endpoint=FakeEndpoint(echo))
        except EvaluationError:
            return None
        return _fault(outcome.fault), await _answer(outcome.response)

    async def authenticator(exchange: Exchange) -> Any:
        assert isinstance(plugin, Authenticator), "chosen below"
        credential = plugin.find(exchange)
        if credential is None:
            return None
        try:
            principal = plugin.judge(credential, exchange)
            principal = await principal if inspect.isawaitable(principal) else principal
        except Fault as fault:
            return _fault(fault)
        plugin.conceal(exchange)
        return credential.value.reveal(), principal

    async def endpoint(exchange: Exchange) -> Any:
        assert isinstance(plugin, Endpoint), "chosen below"
        try:
            return await _answer(await plugin.send(exchange))
        except Fault as fault:
            return _fault(fault)

    return policy if isinstance(plugin, Policy) else authenticator if isinstance(plugin, Authenticator) else endpoint


def _fault(fault: Fault | None) -> Any:
    return fault and (fault.description, fault.detail, fault.headers, fault.fields)


async def _answer(response: Response | None) -> Any:
    return response and (tuple(response.headers.items()), await response.body.read())


async def _text(exchange: Exchange) -> str:
    """All that an exchange holds, as text."""
    request = exchange.request
    held = (
        request.path,
        request.query_string,
        tuple(request.headers.items()),
        request.body.data,
        exchange.endpoint_path,
        exchange.variables,
        exchange.principal,
        await _answer(exchange.response),
    )
    return repr(held)
