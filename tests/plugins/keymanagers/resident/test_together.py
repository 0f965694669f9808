"""Tokens of one turn of the event loop, signed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from apim_keymanagers.resident.together import SignedTogether


def signing(made: list[str]) -> Callable[[bytes], bytes]:
    """A function that signs (by 3, 0, 0), and notes what it has signed; `bad` it cannot sign."""

    def sign(data: bytes) -> bytes:
        made.append(f"sign {data.decode()}")
        if data == b"bad":
            raise ValueError("this cannot be signed")
        return bytes([3, 0, 0])

    return sign


def test_all_that_ask_in_a_turn_have_asked_before_the_first_is_signed_and_each_gets_its_own() -> None:
    async def check() -> None:
        events: list[str] = []
        together = SignedTogether(signing(events))

        async def ask(name: str) -> str:
            events.append(f"ask {name}")
            token = await together(name.encode())
            events.append(f"answer {name}")
            return token

        assert ["a.AwAA", "b.AwAA"] == await asyncio.gather(ask("a"), ask("b"))
        assert ["ask a", "ask b", "sign a", "sign b", "answer a", "answer b"] == events
        assert "c.AwAA" == await ask("c")

    asyncio.run(check())


def test_who_asks_while_others_are_answered_is_signed_for_in_the_next_turn() -> None:
    async def check() -> None:
        together = SignedTogether(signing([]))

        async def twice(name: bytes) -> str:
            return await together((await together(name)).encode())

        assert ["a.AwAA.AwAA", "b.AwAA.AwAA"] == await asyncio.gather(twice(b"a"), twice(b"b"))

    asyncio.run(check())


def test_nothing_is_signed_for_a_request_whose_client_has_left() -> None:
    async def check() -> None:
        made: list[str] = []
        together = SignedTogether(signing(made))
        gone, staying = together(b"a"), together(b"b")
        gone.cancel()
        assert "b.AwAA" == await staying
        assert ["sign b"] == made

    asyncio.run(check())


def test_a_failure_is_told_to_who_asked_and_the_others_have_their_tokens() -> None:
    async def check() -> None:
        together = SignedTogether(signing([]))
        first, bad, last = together(b"a"), together(b"bad"), together(b"b")
        with pytest.raises(ValueError, match="cannot be signed"):
            await bad
        assert ["a.AwAA", "b.AwAA"] == [await first, await last]

    asyncio.run(check())
