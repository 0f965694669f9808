"""Sends the body of a request that is still arriving, as fast as both sides take it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from apim_sdk.body import Body, BodyError, BodyTooLarge, BrokenBody
from apim_sdk.errors import CONTENT_TOO_LARGE, INCOMPLETE_PAYLOAD, Fault

from apim_core.http.upstream_connection import UpstreamConnection
from apim_core.http.upstream_sending import CLOSED

__all__ = ["send_body", "what_broke"]


def what_broke(error: Exception) -> Exception:
    """What the exchange fails with when the body of its request broke."""
    if isinstance(error, BrokenBody):
        return error.fault
    if isinstance(error, BodyTooLarge):
        return Fault(CONTENT_TOO_LARGE, detail=str(error))
    if isinstance(error, BodyError):
        return Fault(INCOMPLETE_PAYLOAD, detail=str(error))
    return error


async def send_body(connection: UpstreamConnection, body: Body, first_byte: float) -> None:
    """Send ``body`` behind a head that was written: in chunks, or as many bytes as its length says.

    The head of the answer is due ``first_byte`` seconds after the end. The connection is closed if the body breaks,
    since its request can then never be whole.
    """
    try:
        await _send(connection, body, first_byte)
    except Exception as error:  # whatever a body raises, the exchange fails with it
        connection.sender = None
        connection.fail(what_broke(error))
        return
    finally:
        body.close()
    connection.sender = None
    connection.sent(False, first_byte)


async def _send(connection: UpstreamConnection, body: Body, first_byte: float) -> None:
    left = body.length
    async with aclosing(cast(AsyncGenerator[bytes, None], aiter(body))) as chunks:
        async for chunk in chunks:
            if connection.state == CLOSED:
                return
            if left is None:
                connection.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            else:
                left -= len(chunk)
                if left < 0:
                    raise BodyError("the body is longer than its length says")
                connection.write(chunk)
            await connection.writable()
            connection.sent(True, first_byte)
    if left:
        raise BodyError(f"the body ended {left} bytes before its length says")
    if left is None:
        connection.write(b"0\r\n\r\n")
