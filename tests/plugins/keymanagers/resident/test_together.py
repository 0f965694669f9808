"""Signatures of one turn of the event loop, made together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from apim_keymanagers.resident.together import SignedTogether


def signing(made: list[str]) -> Callable[[bytes], bytes]:
    """A function that signs, and notes what it has signed; `bad` it cannot sign."""

    def sign(data: bytes) -> bytes:
        made.append(f"sign {data.decode()}")
        if data == b"bad":
            raise ValueError("this cannot be signed")
        return b"signed " + data

    return sign


def test_all_that_ask_in_a_turn_have_asked_before_the_first_is_signed_and_each_gets_its_own() -> None:
    async def check() -> None:
        events: list[str] = []
        together = SignedTogether(signing(events))

        async def ask(name: str) -> bytes:
            events.append(f"ask {name}")
            signature = await together(name.encode())
            events.append(f"answer {name}")
            return signature

        assert [b"signed a", b"signed b"] == await asyncio.gather(ask("a"), ask("b"))
        assert ["ask a", "ask b", "sign a", "sign b", "answer a", "answer b"] == events
        assert b"signed c" == await ask("c")

    asyncio.run(check())


def test_who_asks_while_others_are_answered_is_signed_for_in_the_next_turn() -> None:
    async def check() -> None:
        together = SignedTogether(signing([]))

        async def twice(name: bytes) -> bytes:
            return await together(await together(name))

        assert [b"signed signed a", b"signed signed b"] == await asyncio.gather(twice(b"a"), twice(b"b"))

    asyncio.run(check())


def test_nothing_is_signed_for_a_request_whose_client_has_left() -> None:
    async def check() -> None:
        made: list[str] = []
        together = SignedTogether(signing(made))
        gone, staying = together(b"a"), together(b"b")
        gone.cancel()
        assert b"signed b" == await staying
        assert ["sign b"] == made

    asyncio.run(check())


def test_a_failure_is_told_to_who_asked_and_the_others_have_their_signatures() -> None:
    async def check() -> None:
        together = SignedTogether(signing([]))
        first, bad, last = together(b"a"), together(b"bad"), together(b"b")
        with pytest.raises(ValueError, match="cannot be signed"):
            await bad
        assert [b"signed a", b"signed b"] == [await first, await last]

    asyncio.run(check())
