"""A purge through the management port reaches every worker, and every node that shares a store."""

from __future__ import annotations

import contextlib
import http.client
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.processes import Running, eventually, running
from support.redis import RedisProcess
from support.redis import running as redis_running

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TEXT = """
listen: 127.0.0.1:0
management: {listen: '127.0.0.1:0', token: TOKEN}
log: {format: json}
STORES
apis:
  - name: one
    context: /api
    endpoint: {process-id: {}}
    plans: [{name: public, authentication: {keyless: {}}}]
    flows: {request: [{cache: {ttl: 1h, scope: publicMORE}}]}
    operations: [{match: GET /x}]
"""


def text_with(stores: str = "", more: str = "") -> str:
    return TEXT.replace("TOKEN", TOKEN).replace("STORES", stores).replace("MORE", more)


def purge(gateway: Running, **arguments: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.management, timeout=60)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        connection.request("POST", "/actions/purge", json.dumps(arguments), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def get(gateway: Running) -> str:
    """What the API answers under its public name, which is part of what answers are kept under."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/api/x", headers={"Host": "api.example"})
        return connection.getresponse().read().decode()


def count(gateway: Running, result: str) -> float:
    lines = gateway.manage("/metrics")[1].splitlines()
    name = f'apim_cache_requests_total{{api="one",result="{result}"}}'
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def fill(gateway: Running, workers: int) -> None:
    """Ask until every worker has answered from its cache."""
    found: set[str] = set()
    eventually(
        lambda: found.add(get(gateway)) or len(found) == workers,  # type: ignore[func-returns-value]
        "every worker has been asked",
    )


def test_a_purge_reaches_every_worker(tmp_path: Path) -> None:
    with running(tmp_path, text_with(), "--workers", "2") as gateway:
        fill(gateway, 2)
        fill(gateway, 2)
        assert 2 == count(gateway, "miss")
        assert (200, {"action": "purge", "done": 2}) == purge(gateway, api="one")
        fill(gateway, 2)
        assert 4 == count(gateway, "miss")
        assert 400 == purge(gateway, api="one", tag="a")[0]


@contextlib.contextmanager
def two_nodes(folder: Path, more: str) -> Iterator[tuple[Running, Running]]:
    redis = RedisProcess(folder / "redis")
    with redis_running(redis):
        stores = f'stores: {{shared: {{redis: {{url: "{redis.url}", prefix: "{uuid.uuid4()}:"}}}}}}'
        text = text_with(stores, more)
        folders = [folder / name for name in ("one", "two")]
        for each in folders:
            each.mkdir()
        with running(folders[0], text) as one, running(folders[1], text) as two:
            yield one, two


def test_a_purge_on_one_node_reaches_the_memory_of_the_other(tmp_path: Path) -> None:
    with two_nodes(tmp_path, ", purges: shared") as (one, two):
        for node in (one, two):
            get(node)
        assert 200 == purge(one, url="/api/x")[0]
        eventually(lambda: get(two) and count(two, "miss") == 2, "the other node asks again")


def test_nodes_share_answers_and_purges_in_a_store(tmp_path: Path) -> None:
    with two_nodes(tmp_path, ", store: shared, store_timeout: 2s") as (one, two):
        first = get(one)
        eventually(lambda: get(one) and count(one, "hit"), "the answer is in the store")
        assert first == get(two)
        assert 200 == purge(two, api="one", version="1.0")[0]
        eventually(lambda: get(two) != first, "the answer is asked for again")
