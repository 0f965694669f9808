"""Requests that a client pipelines: whatever waits, pauses or goes on, each is answered once, and in order."""

import asyncio
import re

from apim_sdk import Response
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import in_memory

from apim_core.http.settings import LimitSettings, ServerSettings

KINDS = ["at once", "soon", "later"]
EVENTS = ["send", "pause", "go on", "turn"]


def handler(stream):
    """Answer at once, or after some turns of the loop, as the query wants it."""
    answer = Response(200, None, stream.request.path.encode())
    if stream.request.query_string == "at+once":
        assert stream.respond_at_once(answer)
        return None
    return respond_later(stream, answer, 0 if stream.request.query_string == "soon" else 3)


async def respond_later(stream, answer, turns):
    for _ in range(turns):
        await asyncio.sleep(0)
    await stream.respond(answer)


def request(number, kind, body):
    head = f"POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {body}\r\n\r\n"
    return head.replace(" HTTP", f"?{kind.replace(' ', '+')} HTTP", 1).encode() + b"x" * body


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([0, 0, 5, 3000])), min_size=1, max_size=10),
    st.integers(1, 400),
    st.lists(st.sampled_from(EVENTS), max_size=60),
    st.sampled_from([60, 10_000]),
)
def test_each_is_answered_once_and_in_order(requests, step, events, most):
    data = b"".join(request(number, *each) for number, each in enumerate(requests))
    pieces = [data[start : start + step] for start in range(0, len(data), step)]

    async def run():
        async with in_memory(
            ServerSettings(limits=LimitSettings(pipeline_buffer=most), name="test"), handler
        ) as session:
            connection, transport = session.connection, session.transport
            for event in [*events, "go on"]:
                if event == "send" and pieces and transport.reading:
                    connection.data_received(pieces.pop(0))
                elif event == "pause" and not connection.full:
                    connection.pause_writing()
                elif event == "go on" and connection.full:
                    connection.resume_writing()
                await asyncio.sleep(0)
                held = len(connection._buffer)
                assert held <= most + step or not transport.reading or connection._receiver is not None
            await session.feed(b"")
            while pieces:
                assert transport.reading, "it waits for the client, who waits for it"
                await session.feed(pieces.pop(0))
            await session.feed(b"")
            assert transport.reading
            return transport.written

    answers = re.findall(rb"\r\n\r\n/([0-9]+)", asyncio.run(run()))
    assert list(range(len(requests))) == [int(number) for number in answers]
