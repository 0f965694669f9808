"""Checks of policies against bodies that arrive: where a body was split must not show in what comes of it."""

from __future__ import annotations

import asyncio

import attrs

from apim_sdk.errors import LENGTH_REQUIRED, EvaluationError, Fault
from apim_sdk.errors import POLICY_FAILURE as FAILURE
from apim_sdk.policy import Policy, flows_of
from apim_sdk.testing.calling import run
from apim_sdk.testing.conformance.subject import Subject, require
from apim_sdk.testing.conformance.traffic import BODIES, Sample, splits
from apim_sdk.testing.context import started
from apim_sdk.testing.endpoint import Answer, FakeEndpoint
from apim_sdk.testing.exchanges import Content, make_response

__all__ = ["CHECKS"]


@attrs.frozen
class _Observation:
    """All that the two sides see of an exchange."""

    status: int
    error: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    sent: tuple[bytes, ...]
    """What reached the endpoint: its target, its fields, its body."""

    def without(self, volatile: frozenset[str]) -> _Observation:
        """The same without the fields that differ from one run to the next."""
        return attrs.evolve(self, headers=tuple(field for field in self.headers if field[0].lower() not in volatile))


def where_a_body_is_split_does_not_show(subject: Subject) -> None:
    asyncio.run(_compare(subject))


CHECKS = (where_a_body_is_split_does_not_show,)


async def _compare(subject: Subject) -> None:
    assert issubclass(subject.plugin, Policy), "this check is for policies"
    for flow in flows_of(subject.plugin):
        for media_type, body in BODIES:
            expected = await _observe(subject, flow, media_type, (body,))
            again = await _observe(subject, flow, media_type, (body,))
            volatile = frozenset(
                old[0].lower() for old, new in zip(expected.headers, again.headers, strict=False) if old != new
            )
            ways: list[Content] = list(splits(body))
            if expected.error != LENGTH_REQUIRED.key:
                ways.append(body)
            for content in ways:
                seen = await _observe(subject, flow, media_type, content)
                way = "whole" if isinstance(content, bytes) else f"in {len(tuple(content))} chunks"
                require(
                    seen.without(volatile) == expected.without(volatile),
                    f"in the {flow} flow, {subject} answers otherwise when a body of {media_type} comes {way}:\n"
                    f"  in one chunk: {expected}\n  {way}: {seen}",
                )


async def _observe(subject: Subject, flow: str, media_type: str, content: Content) -> _Observation:
    """One exchange whose bodies, both ways, come as ``content``; each meets an instance of its own."""
    headers = {"Content-Type": media_type}
    exchange = Sample("POST /orders", headers).exchange(content)
    if flow == "fault":
        exchange.fault = Fault(FAILURE)
        exchange.response = make_response(FAILURE.status, headers, content)
    endpoint = FakeEndpoint(Answer(200, headers, content))
    async with started(subject.build(), subject.context()) as policy:
        assert isinstance(policy, Policy), "this check is for policies"
        try:
            outcome = await run(policy, exchange, flow=flow, endpoint=endpoint)
        except EvaluationError:
            return _Observation(500, "EvaluationError", (), b"", ())
    sent = tuple(
        part
        for received in endpoint.received
        for part in (received.target.encode(), repr(tuple(received.headers.items())).encode(), received.body)
    )
    return _Observation(
        outcome.status,
        outcome.fault.kind.key if outcome.fault is not None else None,
        tuple(outcome.response.headers.items()) if outcome.response is not None else (),
        outcome.body,
        sent,
    )
