"""What the guide says of protecting a backend happens: its configurations serve, and do what their page tells."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from support.backend import Conversation, backend
from support.gateway import Answer, Served, configuration, run, serving

from apim_core.assembly import Observer, assemble
from apim_core.registry import Registry

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "guide" / "protect-backends.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_configuration(example: str, tmp_path: Path) -> None:
    assembly = assemble(configuration(example, tmp_path), Registry(), Observer(lambda *_: None, lambda _: None))

    assert assembly.plugins


def test_the_full_example_tries_again_stops_and_falls_back(tmp_path: Path) -> None:
    requests: list[bytes] = []
    answers = [FAILED]

    async def script(conversation: Conversation) -> None:
        while True:
            requests.append((await conversation.request()).line)
            await conversation.say(answers.pop(0) if len(answers) > 1 else answers[0])

    async def scenario() -> None:
        async with backend(script) as behind:
            text = EXAMPLES[0].replace("http://127.0.0.1:9000", f"http://127.0.0.1:{behind.port}")
            async with serving(f"management: {{enabled: false}}\n{text}", tmp_path) as served:
                answers[:] = [FAILED, OK]
                assert 200 == (await served.get("/orders/1.0/orders/7")).status
                assert 2 == len(requests), "it was tried again"
                answers[:] = [FAILED, OK]
                placed = await served.call("POST", "/orders/1.0/orders", data=b"order")
                assert (503, 3) == (placed.status, len(requests)), "but an order is placed once"
                answers[:] = [FAILED]
                assert 200 == (await until_stopped(served, "/orders/1.0/orders")).status
                stale = await served.get("/orders/1.0/orders")
                assert {"orders": [], "stale": True} == stale.json
                stopped = await until_stopped(served, "/orders/1.0/orders/7")
                assert (503, "303001") == (stopped.status, stopped.json["code"])

    run(scenario)


async def until_stopped(served: Served, path: str) -> Answer:
    """The first answer that is not the backend's."""
    async with asyncio.timeout(10):
        while True:
            answer = await served.get(path)
            if answer.body:
                return answer


def test_each_metric_of_the_page_is_one() -> None:
    sources = "\n".join(file.read_text() for file in (ROOT / "plugins/traffic/apim_traffic").glob("*.py"))
    named = {name for name in re.findall(r"`(apim_[a-z_]+)", PAGE) if not name.endswith("_")}

    assert [] == sorted(name for name in named if f'"{name}"' not in sources)
    assert 15 < len(named)
