"""Fuzzes a server's connection: it never crashes or hangs, and where its bytes were split does not matter."""

import asyncio
import itertools
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["apim_core.http", "apim_sdk"]):
    from support.wire import Outcome, in_memory

LOOP = asyncio.new_event_loop()


async def serve(pieces: list[bytes]) -> Outcome:
    """What the handler saw of some bytes. Fails if the connection is still open long after."""
    async with in_memory() as session:
        for piece in pieces:
            await session.feed(piece)
        outcome = session.outcome
        await session.pass_time(200, step=40)
        assert session.transport.closed, "the connection hangs"
        return outcome


def check(data: bytes) -> None:
    """One input: two numbers that say where to split, then the client's bytes."""
    if len(data) < 3:
        return
    first, second, raw = data[0], data[1], data[2:]
    whole = LOOP.run_until_complete(serve([raw]))
    cuts = sorted({0, first % (len(raw) + 1), second % (len(raw) + 1), len(raw)})
    split = LOOP.run_until_complete(serve([raw[a:b] for a, b in itertools.pairwise(cuts)]))
    assert whole.seen == split.seen, "the split matters"
    for seen in whole.seen:
        assert "\n" not in repr(seen.headers)
        assert seen.path == "*" or seen.path.startswith("/")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
