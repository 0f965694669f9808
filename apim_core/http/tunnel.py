"""Relays the bytes of a connection that has changed its protocol, WebSocket above all (RFC 9110, section 7.8).

Bytes are passed on as they come, never held back for a buffer. Whichever side closes first, the other is closed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from apim_sdk.body import BodyError
from apim_sdk.messages import Tunnel

from apim_core.http.inbound import InboundBody

if TYPE_CHECKING:
    from apim_core.http.connection import Connection
    from apim_core.http.stream import Stream

__all__ = ["relay"]


async def relay(connection: Connection, stream: Stream, source: InboundBody, tunnel: Tunnel) -> None:
    """Relay until one side has closed, or the connection expires. Ends the endpoint's side in any case."""
    upward = asyncio.ensure_future(_send_up(source, tunnel))
    downward = asyncio.ensure_future(_send_down(connection, stream, tunnel))
    try:
        await asyncio.wait((upward, downward), return_when=asyncio.FIRST_COMPLETED)
    finally:
        upward.cancel()
        downward.cancel()
        tunnel.close()
        await asyncio.gather(upward, downward, return_exceptions=True)


async def _send_up(source: InboundBody, tunnel: Tunnel) -> None:
    try:
        while data := await source.read():
            await tunnel.write(data)
    except (BodyError, OSError):
        return


async def _send_down(connection: Connection, stream: Stream, tunnel: Tunnel) -> None:
    try:
        while data := await tunnel.read():
            connection.write(data)
            connection.keep_tunnel()
            stream.bytes_sent += len(data)
            if connection.full:
                await connection.room()
    except (BodyError, OSError):
        return
