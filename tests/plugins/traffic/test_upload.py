"""Time that a client takes to send is told from time that a backend takes to answer."""

from __future__ import annotations

import asyncio

import pytest
from apim_sdk import Body, BodyError, Exchange
from apim_sdk.testing import make_body, make_exchange
from apim_sdk.testing.virtual_time import run_in_virtual_time
from apim_traffic.upload import Upload, too_late, watch_upload


class Trickle:
    """A source that takes a second for each piece, and breaks at its end if told so."""

    def __init__(self, pieces: int, broken: bool = False) -> None:
        self.pieces = pieces
        self.broken = broken

    def ready(self) -> bytes | None:
        return None

    async def read(self) -> bytes:
        await asyncio.sleep(1)
        self.pieces -= 1
        if self.pieces < 0 and self.broken:
            raise BodyError("broken")
        return b"x" if self.pieces >= 0 else b""

    def close(self) -> None:
        pass


def uploading(pieces: int, *, broken: bool = False) -> tuple[Exchange, Upload]:
    exchange = make_exchange("POST /")
    exchange.request.body = Body.arriving(Trickle(pieces, broken))
    upload = watch_upload(exchange, asyncio.get_running_loop().time)
    assert upload is not None
    return exchange, upload


def test_only_the_time_counts_in_which_somebody_waits_for_the_client() -> None:
    async def scenario() -> None:
        exchange, upload = uploading(2)
        pieces = aiter(exchange.request.body)
        assert (0, False) == (upload.waited, upload.waiting)
        await anext(pieces)  # type: ignore[arg-type]
        await asyncio.sleep(10)  # the backend does not take more
        assert (1, False) == (upload.waited, upload.waiting)
        assert [b"x"] == [piece async for piece in pieces]
        assert (3, False) == (upload.waited, upload.waiting)

    run_in_virtual_time(scenario())


@pytest.mark.parametrize("waiting", [True, False])
def test_a_call_that_is_too_late_is_the_fault_of_who_was_waited_for(waiting: bool) -> None:
    async def scenario() -> None:
        exchange, upload = uploading(3)
        reading = asyncio.ensure_future(exchange.request.body.read())
        await asyncio.sleep(1.5 if waiting else 4.5)
        reading.cancel()
        await asyncio.wait([reading])
        assert (1.5 if waiting else 4.0) == upload.waited
        fault = too_late(upload, "why")
        assert ((408, None) if waiting else (504, "why")) == (fault.status, fault.detail)

    run_in_virtual_time(scenario())


def test_a_body_that_breaks_is_the_clients_fault() -> None:
    async def scenario() -> None:
        exchange, upload = uploading(1, broken=True)
        with pytest.raises(BodyError):
            await exchange.request.body.read()
        assert upload.waiting

    run_in_virtual_time(scenario())


@pytest.mark.parametrize("body", [b"", b"whole"])
def test_there_is_nothing_to_watch_in_a_body_that_is_there(body: bytes) -> None:
    exchange = make_exchange("POST /")
    exchange.request.body = make_body(body)

    assert watch_upload(exchange, lambda: 0.0) is None
    assert 504 == too_late(None, "why").status
