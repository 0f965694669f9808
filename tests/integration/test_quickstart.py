"""The quickstart does what it prints: its commands are run as they stand, and their answers looked at."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
PATIENCE = 60
"""Seconds in which something must have happened."""


@attrs.frozen
class Quickstart:
    """A running quickstart: what it printed, its folder, its ports."""

    printed: str
    folder: Path
    port: int
    management: int

    @property
    def commands(self) -> list[str]:
        """The curl lines, as a reader would copy them."""
        return re.findall(r"^ *(curl .*)$", self.printed, re.MULTILINE)

    def call(self, method: str, path: str, *headers: str) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        url = f"http://127.0.0.1:{self.port}/bookshop/1.0{path}"
        fields = [argument for header in headers for argument in ("-H", header)]
        output = shell("curl", "-s", "-X", method, "-w", "\n%{http_code}", *fields, url)
        body, _, status = output.rpartition("\n")
        return int(status), json.loads(body) if body else None

    def records(self) -> list[dict[str, Any]]:
        """The lines of the record so far."""
        file = self.folder / "access.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.management}/metrics", timeout=PATIENCE) as answer:
            text: str = answer.read().decode()
            return text


def shell(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert 0 == done.returncode, f"{shlex.join(command)}\n{done.stderr}"
    return done.stdout


def eventually(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"it never came to this: {what}"
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as taken:
        sockets = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def copy_of_the_quickstart(folder: Path) -> Iterator[Quickstart]:
    """The quickstart as it is shipped, but for its ports, which may be taken on this machine."""
    if shutil.which("curl") is None:
        pytest.fail("the quickstart is tried with curl, which is not installed: apt-get install curl")
    for file in QUICKSTART.iterdir():
        if file.suffix != ".jsonl":
            shutil.copy(file, folder)
    port, management = free_ports(2)
    text = (folder / "apim.yaml").read_text().replace("8080", str(port)).replace("8081", str(management))
    listen = f"listen: 127.0.0.1:{port}\n"
    assert listen in text
    text = text.replace(listen, f"{listen}management: {{listen: '127.0.0.1:{management}'}}\n", 1)
    (folder / "apim.yaml").write_text(text)
    with started(folder) as printed:
        yield Quickstart(printed, folder, port, management)


@pytest.fixture
def fresh_quickstart(tmp_path: Path) -> Iterator[Quickstart]:
    """A quickstart that nobody has called yet."""
    with copy_of_the_quickstart(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    """A quickstart that tests share."""
    with copy_of_the_quickstart(tmp_path_factory.mktemp("quickstart")) as running:
        yield running


@contextlib.contextmanager
def started(folder: Path) -> Iterator[str]:
    """Run the gateway; gives what it printed by the time that it served. It must end in order."""
    program = "import sys; from apim_core.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "run", "apim.yaml"]
    environment = {name: value for name, value in os.environ.items() if name != "QUICKSTART_KEY"}
    log = folder / "gateway.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    try:
        printed = ""
        while "/metrics" not in printed:
            line = process.stdout.readline()
            assert line, f"it ended before it served: {log.read_text()}"
            printed += line
        yield printed
        process.terminate()
        assert 0 == process.wait(PATIENCE), log.read_text()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def answer_of(command: str) -> tuple[str, str]:
    """The status line and the body that ``curl -i`` shows."""
    head, _, body = shell(*shlex.split(command)).partition("\n\n")
    return head.partition("\n")[0].strip(), body


def test_the_printed_commands_are_answered_as_printed(fresh_quickstart: Quickstart) -> None:
    let_in, refused, twelve = fresh_quickstart.commands

    status, body = answer_of(let_in)
    assert "HTTP/1.1 200 OK" == status
    assert {"id": 1, "title": "Notes on the Analytical Engine", "author": 1, "price": 1850} == json.loads(body)

    status, body = answer_of(refused)
    assert "HTTP/1.1 401 Unauthorized" == status
    assert "900902" == json.loads(body)["code"]

    assert ["200"] * 10 + ["429"] * 2 == shell(*shlex.split(twelve)).split()

    def seen() -> Counter[tuple[Any, ...]]:
        lines = fresh_quickstart.records()
        return Counter((line["method"], line["operation"], line["status"], line.get("application")) for line in lines)

    expected = {
        ("GET", "GET /books/{id}", 200, "reader"): 1,
        ("GET", "GET /books/{id}", 401, None): 1,
        ("GET", "GET /books", 200, "reader"): 10,
        ("GET", "GET /books", 429, "reader"): 2,
    }
    eventually(lambda: expected == seen(), f"a line a request is in access.jsonl, not {seen()}")


def test_the_metrics_are_where_it_says_and_count_every_request(quickstart: Quickstart) -> None:
    assert f"http://127.0.0.1:{quickstart.management}/metrics" in quickstart.printed
    for _ in range(3):
        assert 200 == quickstart.call("GET", "/authors", "X-API-Key: quickstart-key")[0]
    pattern = r'^apim_requests_total\{.*operation="GET /authors".*status="2xx".*\} 3.0$'
    eventually(lambda: re.search(pattern, quickstart.metrics(), re.MULTILINE), "three requests are counted")


def test_a_refused_call_says_when_to_come_again(quickstart: Quickstart) -> None:
    for _ in range(11):
        status, body = quickstart.call("GET", "/books", "X-API-Key: quickstart-key")
    assert 429 == status
    assert "900803" == body["code"]


def test_the_token_that_is_shipped_may_remove_a_book(quickstart: Quickstart) -> None:
    token = (quickstart.folder / "token.txt").read_text().strip()
    assert (204, None) == quickstart.call("DELETE", "/books/4", f"Authorization: Bearer {token}")
    assert 404 == quickstart.call("GET", "/books/4", f"Authorization: Bearer {token}")[0]


def test_without_the_scope_a_book_may_not_be_removed(quickstart: Quickstart) -> None:
    status, body = quickstart.call("DELETE", "/books/1", "X-API-Key: quickstart-key")
    assert (403, "900910") == (status, body["code"])
    assert 200 == quickstart.call("GET", "/books/1", "X-API-Key: quickstart-key")[0]


def test_a_token_that_was_tampered_with_is_refused(quickstart: Quickstart) -> None:
    head, payload, signature = (quickstart.folder / "token.txt").read_text().strip().split(".")
    changed = f"{head}.{payload[:-2]}{'A' if payload[-2] != 'A' else 'B'}{payload[-1]}.{signature}"
    status, body = quickstart.call("DELETE", "/books/1", f"Authorization: Bearer {changed}")
    assert (401, "900901") == (status, body["code"])


def test_a_key_of_nobody_is_refused(quickstart: Quickstart) -> None:
    status, body = quickstart.call("GET", "/books/1", "X-API-Key: guessed")
    assert (401, "900901") == (status, body["code"])


def test_a_body_over_the_limit_is_refused_before_any_credential(quickstart: Quickstart) -> None:
    url = f"http://127.0.0.1:{quickstart.port}/bookshop/1.0/books"
    big = quickstart.folder / "big"
    big.write_bytes(b"x" * 65_537)
    assert "413" == shell("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", f"@{big}", url)
