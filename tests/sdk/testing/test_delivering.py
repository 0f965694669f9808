"""Messages past one policy, in a test."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from apim_sdk import Close, Drop, Exchange, Message, Policy, Reject
from apim_sdk.testing import Delivery, deliver, make_exchange


@attrs.frozen
class Answering(Policy):
    """Does what the message says."""

    async def on_message(self, exchange: Exchange, message: Message) -> None:
        await asyncio.sleep(0)
        said: dict[bytes, Any] = {b"drop": Drop(), b"close": Close(4000), b"no": Reject(403), b"boom": OSError("boom")}
        if message.data in said:
            raise said[message.data]
        message.text = message.text.upper()


def delivered(data: bytes) -> Delivery:
    return asyncio.run(deliver(Answering(), make_exchange(), Message("to_client", "text", data)))


def test_a_message_that_goes_on_is_there_as_the_policy_left_it() -> None:
    delivery = delivered(b"hello")

    assert delivery.message is not None
    assert (b"HELLO", False) == (delivery.message.data, delivery.dropped)


def test_a_message_that_does_not_go_on_says_why() -> None:
    assert delivered(b"drop").dropped
    refused, closed = delivered(b"no"), delivered(b"close")
    assert refused.refusal is not None
    assert closed.close is not None
    assert (403, 4000) == (refused.refusal.status, closed.close.code)
    assert [False, False] == [refused.dropped, closed.dropped]


def test_another_error_comes_out_as_it_is() -> None:
    with pytest.raises(OSError, match="boom"):
        delivered(b"boom")


def test_a_policy_that_sees_no_messages_is_refused() -> None:
    with pytest.raises(ValueError, match="Policy sees no messages"):
        asyncio.run(deliver(Policy(), make_exchange(), Message("to_client", "text", b"")))
