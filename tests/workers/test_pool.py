"""Several workers behind one service: they serve together, reload together or not at all, and are replaced."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import Running, configuration, eventually, fetch, running

STANDARD = configuration(rest="sinks: [{prometheus: {}}]")


@pytest.fixture(scope="module")
def running_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two workers; as their start is most of the time of these tests, those that leave them well share them."""
    with running(tmp_path_factory.mktemp("pool"), STANDARD, "--workers", "2") as gateway:
        yield gateway


@pytest.fixture
def gateway(running_pool: Running) -> Iterator[Running]:
    """Two workers that serve ``STANDARD``."""
    running_pool.forget()
    yield running_pool
    eventually(lambda: all(worker["serving"] for worker in running_pool.workers()), "all workers are back")
    running_pool.forget()
    running_pool.configure(STANDARD)
    running_pool.signal(signal.SIGHUP)
    running_pool.logged("reloaded")


def processes_that_answer(gateway: Running, path: str = "/api/x", calls: int = 40) -> set[int]:
    """The processes behind some calls, each on a connection of its own."""
    return {int(gateway.get(path)[1]) for _ in range(calls)}


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_all_workers_serve_the_same_port(gateway: Running) -> None:
    pids = {worker["pid"] for worker in gateway.workers()}

    assert len(pids) == 2
    assert gateway.process.pid not in pids
    assert pids == processes_that_answer(gateway)


def test_the_configuration_may_say_how_many_workers_there_are(tmp_path: Path) -> None:
    with running(tmp_path, configuration(rest="workers: 2")) as gateway:
        assert [1, 2] == [worker["worker"] for worker in gateway.workers()]


def test_a_worker_that_crashes_is_replaced(gateway: Running) -> None:
    first, second = (worker["pid"] for worker in gateway.workers())
    before = gateway.workers()[0]["restarts"]

    os.kill(first, signal.SIGKILL)

    ended = gateway.logged("a worker ended")
    assert (1, first, -signal.SIGKILL) == (ended["worker"], ended["pid"], ended["status"])
    gateway.logged("a worker serves")
    replaced = gateway.workers()[0]
    assert (True, before + 1) == (replaced["serving"], replaced["restarts"])
    assert {replaced["pid"], second} == processes_that_answer(gateway)


def test_no_connection_is_refused_while_a_worker_is_replaced(gateway: Running) -> None:
    port, statuses = gateway.port, []
    os.kill(gateway.workers()[0]["pid"], signal.SIGKILL)
    gateway.logged("a worker ended")

    # Those that fall to the queue of the worker that ended wait for its successor.
    clients = [threading.Thread(target=lambda: statuses.append(fetch(port, "/api/x")[0])) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    assert [200] * 20 == statuses


def test_a_worker_that_ends_at_every_start_is_tried_again_while_the_others_serve(tmp_path: Path) -> None:
    text = configuration(flows=f"{{request: [{{end-while-there: {{path: '{tmp_path}/broken'}}}}]}}")
    with running(tmp_path, text, "--workers", "2") as gateway:
        first, second = (worker["pid"] for worker in gateway.workers())
        (tmp_path / "broken").touch()

        os.kill(first, signal.SIGKILL)
        gateway.logged("a worker cannot start", count=3)

        assert processes_that_answer(gateway) == {second}
        assert gateway.manage("/readyz")[0] == 200
        (tmp_path / "broken").unlink()
        eventually(lambda: gateway.workers()[0]["serving"], "the worker is back")
        assert len(processes_that_answer(gateway)) == 2


def test_sighup_reloads_every_worker_and_replaces_none(gateway: Running) -> None:
    pids = processes_that_answer(gateway)
    generation = gateway.workers()[0]["generation"]
    gateway.configure(configuration(context="/new"))

    gateway.signal(signal.SIGHUP)

    gateway.logged("reloaded")
    assert pids == processes_that_answer(gateway, "/new/x")
    assert [generation + 1] * 2 == [worker["generation"] for worker in gateway.workers()]


def test_a_plugin_that_cannot_start_in_one_worker_leaves_all_as_they_were(gateway: Running, tmp_path: Path) -> None:
    pids = processes_that_answer(gateway)
    (tmp_path / "claim").touch()
    flows = f"{{request: [{{fail-at-start: {{claim: '{tmp_path}/claim'}}}}]}}"
    gateway.configure(configuration(flows=flows, context="/new"))

    gateway.signal(signal.SIGHUP)

    refused = gateway.logged("the new configuration is refused; the old one goes on serving")
    assert "fail-at-start cannot start: this one cannot start" in refused["problems"][0]
    assert pids == processes_that_answer(gateway)
    assert {404} == {gateway.get("/new/x")[0] for _ in range(20)}


def test_a_worker_that_ends_during_a_reload_leaves_all_as_they_were(gateway: Running, tmp_path: Path) -> None:
    gateway.workers()
    (tmp_path / "claim").touch()
    flows = f"{{request: [{{fail-at-start: {{claim: '{tmp_path}/claim', how: exit}}}}]}}"
    gateway.configure(configuration(flows=flows, context="/new"))

    gateway.signal(signal.SIGHUP)

    failed = gateway.logged("the reload failed; the old configuration goes on serving")
    assert "the worker ended" in failed["reason"]
    gateway.logged("a worker serves")
    assert len(processes_that_answer(gateway)) == 2
    assert {404} == {gateway.get("/new/x")[0] for _ in range(20)}


def test_a_worker_is_replaced_with_the_last_good_configuration_while_a_broken_one_lies_there(gateway: Running) -> None:
    first = gateway.workers()[0]["pid"]
    gateway.configure("nonsense")

    os.kill(first, signal.SIGKILL)

    gateway.logged("a worker serves")
    assert len(processes_that_answer(gateway)) == 2


def test_no_request_fails_while_a_configuration_is_reloaded_again_and_again(gateway: Running) -> None:
    port, stop, statuses = gateway.port, threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            statuses.append(fetch(port, "/api/x")[0])

    clients = [threading.Thread(target=call) for _ in range(3)]
    for client in clients:
        client.start()
    for count in range(1, 6):
        gateway.configure(configuration(rest=f"welcome: '{count}'"))
        gateway.signal(signal.SIGHUP)
        gateway.logged("reloaded", count)
    stop.set()
    for client in clients:
        client.join()

    assert {200} == set(statuses)


def test_workers_drain_and_end_with_the_service(tmp_path: Path) -> None:
    text = configuration(endpoint=f"{{wait-for-file: {{path: '{tmp_path}/go'}}}}")
    with running(tmp_path, text, "--workers", "2") as gateway:
        port, pids, answers = gateway.port, [worker["pid"] for worker in gateway.workers()], []
        client = threading.Thread(target=lambda: answers.append(fetch(port, "/api/x")))
        client.start()
        eventually((tmp_path / "go.waiting").exists, "the request runs")

        gateway.signal(signal.SIGTERM)
        gateway.logged("draining: running requests may end")
        (tmp_path / "go").touch()

        assert gateway.wait() == 0
        client.join()
        assert answers == [(200, "waited")]
        assert not any(alive(pid) for pid in pids)
        assert not any(line["level"] == "error" for line in gateway.lines)


def test_a_second_signal_cuts_the_requests_of_workers(tmp_path: Path) -> None:
    text = configuration(endpoint=f"{{wait-for-file: {{path: '{tmp_path}/never'}}}}")
    with running(tmp_path, text, "--workers", "2") as gateway:
        port = gateway.port
        client = threading.Thread(target=lambda: _ignore_end(port))
        client.start()
        eventually((tmp_path / "never.waiting").exists, "the request runs")

        gateway.signal(signal.SIGINT)
        gateway.logged("draining: running requests may end")
        gateway.signal(signal.SIGINT)

        assert gateway.wait(20) == 0
        client.join()


def test_workers_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, configuration(), "--workers", "2") as gateway:
        pids = [worker["pid"] for worker in gateway.workers()]

        gateway.process.kill()

        eventually(lambda: not any(alive(pid) for pid in pids), "the workers end")


def test_the_metrics_of_workers_are_summed_and_survive_their_end(tmp_path: Path) -> None:
    text = configuration(rest="sinks: [{prometheus: {}}]")

    def requests(gateway: Running) -> float:
        exposition = gateway.manage("/metrics")[1]
        return sum(float(value) for value in re.findall(r"^apim_requests_total\{.*\} (\S+)$", exposition, re.M))

    with running(tmp_path, text, "--workers", "2") as gateway:
        assert len(processes_that_answer(gateway, calls=30)) == 2
        eventually(lambda: requests(gateway) == 30, "all requests are counted")

        os.kill(gateway.workers()[0]["pid"], signal.SIGKILL)
        gateway.logged("a worker serves", count=3)

        assert requests(gateway) == 30
        exposition = gateway.manage("/metrics")[1]
        assert 'apim_generation{worker="2"} 1.0' in exposition
        assert "apim_worker_restarts_total 1.0" in exposition


def _ignore_end(port: int) -> None:
    try:
        fetch(port, "/api/x")
    except OSError:
        return
