"""A fake of where requests end: it records what it is asked and answers as it was told."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from apim_sdk.endpoint import Endpoint
from apim_sdk.errors import Fault
from apim_sdk.exchange import Exchange
from apim_sdk.headers import Headers
from apim_sdk.messages import Response
from apim_sdk.testing.exchanges import Content, Fields, make_response

__all__ = ["Answer", "FakeEndpoint", "Received"]


@attrs.frozen
class Answer:
    """What a fake is to answer."""

    status: int = 200
    """The HTTP status."""
    headers: Fields = ()
    """Header fields, a mapping or pairs."""
    body: Content = b""
    """Bytes or text that go whole, or chunks that go one by one."""
    broken: bool = False
    """Whether the body breaks off at its end, as if the connection had been reset."""
    fault: Fault | None = None
    """A failure in the place of an answer, such as ``Fault(errors.ENDPOINT_TIMEOUT)``."""


@attrs.frozen
class Received:
    """A request as it reached the fake."""

    method: str
    target: str
    """Path and query, as they would go on the wire."""
    headers: Headers
    body: bytes


class FakeEndpoint(Endpoint):
    """An endpoint, and an upstream, that answers in turn as told; the last answer repeats.

    ``FakeEndpoint(Answer(503), Answer(200, body="ok"))`` fails once and then succeeds. A function of the exchange may
    stand in for an answer. ``received`` is what it was asked.
    """

    def __init__(self, *answers: Answer | Callable[[Exchange], Answer]) -> None:
        self.answers = answers or (Answer(),)
        self.received: list[Received] = []

    async def send(self, exchange: Exchange, target: str | None = None) -> Response:
        """Record the request, and answer it or raise the fault."""
        answer = self.answers[min(len(self.received), len(self.answers) - 1)]
        request = exchange.request
        if target is None:
            target = exchange.endpoint_path + (f"?{request.query_string}" if request.query_string else "")
        body = await request.body.read()
        self.received.append(Received(request.method, target, request.headers.copy(), body))
        if not isinstance(answer, Answer):
            answer = answer(exchange)
        if answer.fault is not None:
            raise answer.fault
        return make_response(answer.status, answer.headers, answer.body, broken=answer.broken)
