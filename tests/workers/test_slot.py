"""The place of one worker: how long its next start waits, and what happens to one that hangs."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import threading
from pathlib import Path

import pytest
from support.processes import configuration, install_plugins, write

from apim_core.config import load
from apim_core.config.server import Log
from apim_core.logging import configure_logging
from apim_core.workers.pool import Pool
from apim_core.workers.slot import Backoff, Timing


def test_a_worker_that_keeps_ending_is_started_ever_later() -> None:
    backoff = Backoff(Timing(proven=10, longest_backoff=1))

    assert [backoff.after(served=0.5) for _ in range(7)] == [0, 0.1, 0.2, 0.4, 0.8, 1, 1]


def test_a_worker_that_has_proven_itself_is_started_at_once() -> None:
    backoff = Backoff(Timing(proven=10))
    for _ in range(5):
        backoff.after(served=1)

    assert backoff.after(served=10) == 0
    assert backoff.after(served=1) == 0.1


def test_a_very_long_series_of_failures_waits_no_longer_than_the_longest() -> None:
    backoff = Backoff(Timing(longest_backoff=30))
    for _ in range(5_000):
        backoff.after(served=0)

    assert backoff.after(served=0) == 30


def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(install_plugins(tmp_path)))
    monkeypatch.chdir(tmp_path)
    write(tmp_path, configuration(flows="{request: [{hang: {}}]}"))
    output = io.StringIO()
    log = configure_logging(Log(format="json"), output)

    def hang(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/x?hang")
        with pytest.raises(ConnectionResetError):
            connection.getresponse()
        connection.close()

    async def test() -> None:
        pool = Pool(2, log, Timing(heartbeat=0.05, patience=1.0))
        await pool.start(load(tmp_path / "apim.yaml"), [])
        client = threading.Thread(target=hang, args=[pool.addresses[0].port])
        client.start()
        async with asyncio.timeout(60):
            while sum(slot.restarts for slot in pool.slots) == 0 or not all(slot.serving for slot in pool.slots):
                await asyncio.sleep(0.01)
        await asyncio.to_thread(client.join)
        await pool.stop(asyncio.Event())

    asyncio.run(test())

    events = [json.loads(line)["event"] for line in output.getvalue().splitlines()]
    assert "a worker does not answer and is killed" in events
