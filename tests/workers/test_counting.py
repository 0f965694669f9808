"""Workers that count together through their supervisor."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import Running, configuration, running


def counting(units: int = 20, counters: str = "") -> str:
    return configuration(flows=f"{{request: [{{count-together: {{units: {units}{counters}}}}}]}}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two workers that let twenty requests of each query string through."""
    with running(tmp_path_factory.mktemp("counting"), counting(), "--workers", "2") as started:
        yield started


def reload(gateway: Running, units: int) -> None:
    """Let so many requests of each query string through from now on."""
    gateway.forget()
    gateway.configure(counting(units=units))
    gateway.signal(signal.SIGHUP)
    gateway.logged("reloaded")


def passed(gateway: Running, key: str, calls: int = 40) -> int:
    """How many of some calls, each on a connection of its own, were let through."""
    answers = [gateway.get(f"/api/x?{key}")[0] for _ in range(calls)]
    assert set(answers) <= {200, 429}
    return answers.count(200)


def test_all_workers_together_let_through_what_the_limit_says(gateway: Running) -> None:
    assert 20 == passed(gateway, "together")


def test_counts_outlive_the_workers(gateway: Running) -> None:
    assert 15 == passed(gateway, "outlive", 15)
    gateway.forget()
    for worker in gateway.workers():
        os.kill(worker["pid"], signal.SIGKILL)
    gateway.logged("a worker serves", 2)

    assert 5 == passed(gateway, "outlive")


def test_counts_go_on_over_a_reload_that_changes_the_limit(gateway: Running) -> None:
    assert 15 == passed(gateway, "reload", 15)
    reload(gateway, units=30)

    assert 15 == passed(gateway, "reload")
    reload(gateway, units=20)


def test_the_metrics_tell_how_much_is_counted_and_how(gateway: Running) -> None:
    passed(gateway, "metrics", 3)

    exposition = gateway.manage("/metrics")[1]

    def value(name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", exposition, re.M)
        assert found, name
        return float(found[1])

    assert value("apim_node_counters") == 1
    assert value("apim_node_counter_keys") >= 1
    assert value("apim_node_counter_decisions_total") >= value('apim_counter_decisions_total{store="node"}') >= 3
    assert value('apim_counter_seconds_count{store="node"}') >= 3
    assert value("apim_node_counter_forgotten_keys_total") == 0


@pytest.mark.parametrize(("workers", "counters"), [("1", ""), ("1", ", counters: node"), ("2", ", counters: process")])
def test_a_process_counts_by_itself_where_it_is_alone_or_told_to(tmp_path: Path, workers: str, counters: str) -> None:
    with running(tmp_path, counting(counters=counters), "--workers", workers) as alone:
        assert 501 == alone.get("/api/x")[0]


def test_a_name_of_counters_that_is_not_there_is_told_when_it_starts(tmp_path: Path) -> None:
    with running(tmp_path, counting(counters=", counters: ndoe")) as refused:
        assert 1 == refused.wait()
        assert "no counter store is named 'ndoe' under `counters`; did you mean 'node'?" in refused.output


@pytest.mark.parametrize("mode", ["exact", "lease"])
def test_a_limit_of_the_gateway_holds_over_all_workers(tmp_path: Path, mode: str) -> None:
    limit = f"{{requests: 20, per: 1h, key: api, mode: {mode}, timeout: 10s, on_store_error: closed}}"
    with running(tmp_path, configuration(flows=f"{{request: [{{rate-limit: {limit}}}]}}"), "--workers", "2") as gateway:
        let_through = passed(gateway, "", 60)

    assert let_through == 20 if mode == "exact" else 15 <= let_through <= 20
