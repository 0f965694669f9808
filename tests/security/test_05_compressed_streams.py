"""Threat class 5, compression bombs in streams: what policies read is never compressed, and nothing is decompressed."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from support.backend import Conversation, backend
from support.gateway import run
from support.streaming import handshake, raw_frame, switched, through, watching

OFFERS = (
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    b"sec-websocket-extensions: x-webkit-deflate-frame\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
)


def bomb() -> bytes:
    """A megabyte of nothing as permessage-deflate has it (RFC 7692, section 7.2.1)."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_compress_does_not_reach_the_backend_and_a_compressed_message_is_refused(
    tmp_path: Path, offer: bytes
) -> None:
    async def scenario() -> None:
        got: list[tuple[int, bytes]] = []

        async def script(conversation: Conversation) -> None:
            peer = await switched(conversation)
            got.append(await peer.frame())

        policy, seen = watching()
        async with (
            backend(script) as behind,
            through(behind.port, tmp_path, "{watching: {}}", watching=policy) as served,
            handshake(served, fields=offer) as peer,
        ):
            await peer.send(raw_frame(2, bomb(), mask=True, reserved=0x40))
            assert 1002 == await peer.closed_with()
        assert 1001 == int.from_bytes(got[0][1][:2], "big")
        assert [] == seen

    run(scenario)


def test_without_a_policy_that_reads_messages_the_offer_and_the_bytes_pass_untouched(tmp_path: Path) -> None:
    frame = raw_frame(2, bomb(), mask=True, reserved=0x40)

    async def scenario() -> None:
        async def script(conversation: Conversation) -> None:
            request = await conversation.request()
            assert [b"permessage-deflate; client_max_window_bits"] == request.values("Sec-WebSocket-Extensions")
            await conversation.say(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
            )
            await conversation.say(await conversation.reader.readexactly(len(frame)))

        step = "{rate-limit: {requests: 5, per: 1m, key: ip}}"
        async with (
            backend(script) as behind,
            through(behind.port, tmp_path, step) as served,
            handshake(served, fields=OFFERS[0]) as peer,
        ):
            await peer.send(frame)
            assert frame == await peer.reader.readexactly(len(frame))

    run(scenario)
