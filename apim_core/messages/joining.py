"""Where the steps that see messages join an exchange, and where they are put between its two sides."""

from __future__ import annotations

from apim_sdk.body import Body
from apim_sdk.errors import ENDPOINT_PROTOCOL_VIOLATION, Fault
from apim_sdk.exchange import Exchange
from apim_sdk.headers import Headers
from apim_sdk.messages import Response
from apim_sdk.streams import MessageTotals

from apim_core.messages.event_body import EventBody
from apim_core.messages.judging import Judges, OnFailure
from apim_core.messages.metering import Meters
from apim_core.messages.tunnel import MessageTunnel
from apim_core.steps import CompiledStep

__all__ = ["attach", "join"]


def join(exchange: Exchange, step: CompiledStep) -> None:
    """Have ``step`` see the messages of the exchange, if its answer is a stream.

    What is sent to the backend then offers nothing that would make the messages unreadable: no extension of WebSocket
    (they are what compresses), no coding of the answer.
    """
    if exchange.messages is not None:
        exchange.messages._steps.append(step)
        return
    exchange.messages = MessageTotals(step)
    headers = exchange.request.headers
    headers.remove("Sec-WebSocket-Extensions")
    if "Accept-Encoding" in headers:
        headers.set("Accept-Encoding", "identity")


def attach(exchange: Exchange, limit: int, on_failure: OnFailure, meters: Meters) -> None:
    """Put the steps between the two sides of the exchange if its answer is a stream.

    ``limit`` bounds a message, in bytes; ``meters`` count messages.
    Raises Fault where the messages cannot be read.
    """
    response, totals = exchange.response, exchange.messages
    if response is None or totals is None:
        return
    judges = Judges(exchange, tuple(totals._steps), on_failure, meters(exchange.api), totals)
    if response.tunnel is not None:  # a WebSocket: the listener takes an Upgrade to nothing else
        if "Sec-WebSocket-Extensions" in response.headers:
            response.tunnel.close()
            raise Fault(ENDPOINT_PROTOCOL_VIOLATION, detail="it uses an extension of WebSocket that was not offered")
        totals.stream = "websocket"
        response.tunnel = MessageTunnel(response.tunnel, judges, limit)
    elif _is_event_stream(response.headers):
        if not {coding.strip().lower() for coding in response.headers.get_all("Content-Encoding")} <= {"", "identity"}:
            raise Fault(ENDPOINT_PROTOCOL_VIOLATION, detail="its event stream has a coding that was not asked for")
        totals.stream = "events"
        _read_events(response, judges, limit)


def _is_event_stream(headers: Headers) -> bool:
    media_type = headers.get("Content-Type")
    return media_type is not None and media_type.partition(";")[0].strip().lower() == "text/event-stream"


def _read_events(response: Response, judges: Judges, limit: int) -> None:
    body = response.body
    data = body.data
    if data is not None:
        response.body = Body.arriving(EventBody(None, judges, limit, data))
    else:
        body.wrap(lambda source: EventBody(source, judges, limit))
        body.length = None
