"""The control channel: questions and answers between the supervisor and one worker, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from apim_core.config import ConfigErrors, Problem
from apim_core.workers.control import Answer, Asker, Refused, WorkerGone, answer_until_closed


def with_worker(handlers: Mapping[str, Any], test: Callable[[Asker, socket.socket], Awaitable[None]]) -> None:
    """Run ``test`` with the supervisor's end, while a worker answers with ``handlers`` at the other."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        worker = asyncio.create_task(answer_until_closed(theirs, handlers))
        asker = Asker()
        await asker.open(ours)
        try:
            await test(asker, theirs)
        finally:
            await asker.close()
            await worker

    asyncio.run(run())


def test_a_question_is_answered_with_facts_and_bytes() -> None:
    async def echo(payload: bytes) -> Answer:
        return Answer({"size": len(payload), "word": "é\n"}, payload[::-1])

    async def test(asker: Asker, _: socket.socket) -> None:
        answer = await asker.ask("echo", b"\n\x00ab" * 100_000)
        assert answer.facts["word"] == "é\n"
        assert answer.payload == b"ba\x00\n" * 100_000

    with_worker({"echo": echo}, test)


def test_a_quick_answer_does_not_wait_for_a_slow_one() -> None:
    release = asyncio.Event()

    async def slow(payload: bytes) -> Answer:
        await release.wait()
        return Answer({"which": "slow"})

    async def quick(payload: bytes) -> Answer:
        return Answer({"which": "quick"})

    async def test(asker: Asker, _: socket.socket) -> None:
        waiting = asyncio.create_task(asker.ask("slow"))
        assert {"which": "quick"} == (await asker.ask("quick")).facts
        release.set()
        assert {"which": "slow"} == (await waiting).facts

    with_worker({"slow": slow, "quick": quick}, test)


def test_the_problems_of_a_configuration_come_back_as_they_were() -> None:
    problem = Problem("apim.yaml", 3, 5, "/apis/0", "it is wrong", "mend it")

    async def prepare(payload: bytes) -> Answer:
        raise ConfigErrors([problem])

    async def test(asker: Asker, _: socket.socket) -> None:
        with pytest.raises(ConfigErrors) as raised:
            await asker.ask("prepare")
        assert (problem,) == raised.value.problems

    with_worker({"prepare": prepare}, test)


def test_any_other_error_comes_back_in_words() -> None:
    async def prepare(payload: bytes) -> Answer:
        raise OSError("no such file")

    async def test(asker: Asker, _: socket.socket) -> None:
        with pytest.raises(Refused, match="no such file"):
            await asker.ask("prepare")

    with_worker({"prepare": prepare}, test)


def test_an_answer_that_does_not_come_in_time_is_a_time_out() -> None:
    async def never(payload: bytes) -> Answer:
        await asyncio.sleep(0.2)
        return Answer()

    async def test(asker: Asker, _: socket.socket) -> None:
        with pytest.raises(TimeoutError):
            await asker.ask("never", timeout=0.01)

    with_worker({"never": never}, test)


def test_whoever_waits_for_a_worker_that_ends_hears_of_it() -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        asker = Asker()
        await asker.open(ours)
        waiting = asyncio.create_task(asker.ask("status"))
        await asyncio.get_running_loop().run_in_executor(None, theirs.recv, 1024)

        theirs.close()

        with pytest.raises(WorkerGone):
            await waiting
        with pytest.raises(WorkerGone):
            await asker.ask("status")
        await asker.close()

    asyncio.run(test())


def test_a_worker_whose_supervisor_is_gone_stops_answering() -> None:
    async def test() -> None:
        ours, theirs = socket.socketpair()
        worker = asyncio.create_task(answer_until_closed(theirs, {}))

        ours.close()

        async with asyncio.timeout(10):
            await worker

    asyncio.run(test())
