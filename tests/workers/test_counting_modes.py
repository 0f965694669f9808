"""Limits of two workers, in each mode, counted by their supervisor."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.processes import Running, configuration, eventually, running

UNITS = 300
KEPT = ["exact", "lease", "hybrid"]


def limits(units: int = UNITS) -> str:
    """A limit for each mode, which ``?mode=`` chooses, and one that counts by value of ``key``.

    They are patient: on a busy machine an answer that came too late would have been counted, and not let through.
    """
    options = f"requests: {units}, per: 1h, algorithm: fixed-window, key: \"request.query['key']\", timeout: 10s"
    steps = [
        f"{{rate-limit: {{{options}, mode: {mode}}}, when: \"request.query['mode'] == '{mode}'\"}}"
        for mode in (*KEPT, "async")
    ]
    return configuration(flows=f"{{request: [{', '.join(steps)}]}}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("modes"), limits(), "--workers", "2") as started:
        yield started


def passed(gateway: Running, mode: str, key: str, calls: int) -> int:
    """How many of calls on connections of their own, eight at a time, are let through."""
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: gateway.get(f"/api/x?mode={mode}&key={key}")[0], range(calls)))
    assert set(answers) <= {200, 429}
    return answers.count(200)


@pytest.mark.parametrize("mode", KEPT)
def test_workers_let_through_the_limit_and_no_more(gateway: Running, mode: str) -> None:
    total = passed(gateway, mode, "all", UNITS + 100)
    assert total <= UNITS

    def used_up() -> bool:  # what a worker held and did not spend goes back
        nonlocal total
        total += passed(gateway, mode, "all", 8)
        return total >= UNITS

    eventually(used_up, f"{UNITS} calls pass")
    assert total == UNITS
    assert 0 == passed(gateway, mode, "all", 50)


def test_async_lets_no_more_through_than_every_worker_alone_would(gateway: Running) -> None:
    assert UNITS <= passed(gateway, "async", "all", 3 * UNITS) <= 2 * UNITS
    eventually(lambda: not passed(gateway, "async", "all", 8), "both workers know that nothing is left")


def test_leases_need_fewer_questions_than_there_are_calls(gateway: Running) -> None:
    def asked() -> float:
        found = re.search(r"^apim_node_counter_decisions_total (\S+)$", gateway.manage("/metrics")[1], re.M)
        assert found
        return float(found[1])

    begun = asked()
    assert 100 == passed(gateway, "hybrid", "cheap", 100)
    assert asked() - begun < 50


@pytest.mark.parametrize("mode", KEPT)
def test_what_a_worker_held_when_it_died_is_lost_but_never_given_twice(gateway: Running, mode: str) -> None:
    total = passed(gateway, mode, "died", 100)
    gateway.forget()
    os.kill(gateway.workers()[0]["pid"], signal.SIGKILL)
    gateway.logged("a worker serves")

    assert total + passed(gateway, mode, "died", UNITS) <= UNITS


@pytest.mark.parametrize("mode", ["exact", "lease"])
def test_counts_go_on_over_a_reload(tmp_path: Path, mode: str) -> None:
    with running(tmp_path, limits(), "--workers", "2") as gateway:
        total = passed(gateway, mode, "reload", 200)
        gateway.forget()
        gateway.configure(limits(units=UNITS + 50))
        gateway.signal(signal.SIGHUP)
        gateway.logged("reloaded")

        def used_up() -> bool:
            nonlocal total
            total += passed(gateway, mode, "reload", 50)
            return total >= UNITS + 50

        eventually(used_up, f"{UNITS + 50} calls pass")
        assert total == UNITS + 50
