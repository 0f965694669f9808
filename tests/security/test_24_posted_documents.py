"""Threat class 24: documents that are posted to be linted; each is bounded, and others are served meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.governed import OPENAPI, TOKEN, ask, governed
from support.processes import Running, eventually, running

_THEN = "{function: schema, functionOptions: {schema: {type: [array, integer]}}}"
SLOW = "rules:\n" + "".join(f"  slow{n}: {{given: '$..*', then: {_THEN}}}\n" for n in range(40))
ENDLESS = "[" + ",".join(["[1]"] * 100_000) + "]"
"""Eight million checks for the rules of ``SLOW``."""
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
HOSTILE = {
    "aliases that multiply": BOMB,
    "deep YAML": "[" * 100_000,
    "deep JSON": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "an alias of itself": "a: &a [*a]\n",
    "a tag of Python": "openapi: 3.1.0\npaths: !!python/object/apply:os.system ['touch owned']\n",
    "no YAML": "a: [\x00\x01\n",
    "a reference to a file": 'openapi: 3.1.0\ninfo: {$ref: "/etc/passwd"}\npaths: {$ref: "apim.yaml"}\n',
    "a reference to the network": 'openapi: 3.1.0\npaths: {$ref: "http://127.0.0.1:1/x"}\n',
    "many findings": "openapi: 3.1.0\npaths:\n" + "".join(f"  /a{n}/: {{get: {{}}}}\n" for n in range(20_000)),
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "slow.yaml").write_text(SLOW)
    settings = "rulesets: {slow: slow.yaml}\nlint: {size: 1MiB, timeout: 5s, memory: 256MiB, at_once: 1}\n"
    with running(folder, governed(settings, "spectral-oas, slow")) as process:
        assert process.started
        yield process


def linting(gateway: Running) -> list[int]:
    """The processes that lint for a gateway."""
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    found = []
    for child in map(int, children):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if b"posted_process" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def resident(gateway: Running) -> int:
    """Bytes of memory that a gateway has."""
    return int(Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_ends_in_findings_or_is_refused(gateway: Running, text: str) -> None:
    began = time.monotonic()
    status, value = ask(gateway, "lint?ruleset=spectral-oas", text.encode())
    assert time.monotonic() - began < 15
    assert status in (200, 422)
    if status == 200:
        told = value["assets"][0]["diagnostics"]
        assert len(told) <= 1_000
        assert told or value["assets"][0]["errors"]
        assert "root:" not in str(value)
        assert TOKEN not in str(value)
    assert not (gateway.folder / "owned").exists()


def test_a_document_that_takes_too_long_is_ended(gateway: Running) -> None:
    began = time.monotonic()
    status, error = ask(gateway, "lint?ruleset=slow", ENDLESS)
    assert (422, "Linting it takes more than 5 seconds") == (status, error["description"])
    assert time.monotonic() - began < 10
    assert 200 == ask(gateway, "lint?ruleset=spectral-oas", OPENAPI)[0]


def test_a_document_that_needs_too_much_memory_is_ended(tmp_path: Path) -> None:
    with running(tmp_path, governed("lint: {size: 8MiB, timeout: 20s, memory: 128MiB}")) as process:
        assert process.started
        text = "[" + "{}," * 1_300_000 + "{}]"
        status, error = ask(process, "lint?ruleset=spectral-oas", text, "application/json")
        assert (422, True) == (status, "memory" in error["description"])


def test_while_one_is_linted_the_next_are_refused_and_requests_are_served(gateway: Running) -> None:
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, gateway, "lint?ruleset=slow", ENDLESS)
        eventually(lambda: linting(gateway), "it is busy")
        more = [pool.submit(ask, gateway, "lint?ruleset=slow", ENDLESS) for _ in range(8)]
        assert {503} == {each.result()[0] for each in more}
        longest = 0.0
        answered = 0
        while not first.done():
            began = time.monotonic()
            assert 200 == gateway.get("/open/2/x")[0]
            longest = max(longest, time.monotonic() - began)
            answered += 1
        assert 422 == first.result()[0]
        assert answered > 100
        assert longest < 0.5


def test_a_client_that_goes_away_keeps_the_place_no_longer_than_the_time_that_there_is(gateway: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.management, timeout=60)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/yaml"}
    connection.request("POST", "/governance/lint?ruleset=slow", ENDLESS, headers)
    eventually(lambda: linting(gateway), "it is busy")
    connection.close()
    eventually(lambda: ask(gateway, "lint?ruleset=slow", "a: 1\n")[0] == 200, "there is room again", 12)


@pytest.mark.parametrize(
    ("size", "description"), [(1 << 20, None), ((1 << 20) + 1, "1048576 bytes"), (9 << 20, "8388608")]
)
def test_a_huge_body_is_refused(gateway: Running, size: int, description: str | None) -> None:
    body = b"#" + b"x" * (size - 1)
    try:
        status, value = ask(gateway, "lint?ruleset=spectral-oas", body)
    except (BrokenPipeError, ConnectionResetError):  # it was refused before all of it had been sent
        assert size > 8 << 20
        return
    assert (200 if description is None else 413) == status
    assert description is None or description in value["description"]


def test_a_body_without_an_end_is_bounded(gateway: Running) -> None:
    head = (
        "POST /governance/lint HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/yaml\r\n"
        f"Authorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", gateway.management), 60) as connection:
        connection.sendall(head.encode())
        before = resident(gateway)

        def send() -> None:
            with contextlib.suppress(OSError):  # until it is closed
                for _ in range(10_000):
                    connection.sendall(chunk)

        sending = threading.Thread(target=send)
        sending.start()
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
        assert resident(gateway) - before < 64 << 20
        connection.shutdown(socket.SHUT_RDWR)
        sending.join(60)


def test_bodies_that_never_come_do_not_keep_others_out_of_what_is_read(gateway: Running) -> None:
    head = (
        "POST /governance/lint HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/yaml\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\n"
    )
    waiting = [socket.create_connection(("127.0.0.1", gateway.management), 60) for _ in range(20)]
    try:
        for each in waiting:
            each.sendall(head.encode())
        eventually(lambda: ask(gateway, "lint", OPENAPI)[0] == 503, "there is no room for bodies")
        assert 200 == ask(gateway, "scoring/overview")[0]
        assert 200 == gateway.get("/open/2/x")[0]
    finally:
        for each in waiting:
            each.close()
    eventually(lambda: ask(gateway, "lint?ruleset=spectral-oas", OPENAPI)[0] == 200, "there is room again")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (OPENAPI.encode(), None, 415),
        (OPENAPI.encode(), "text/html", 415),
        (OPENAPI.encode(), "multipart/form-data; boundary=x", 415),
        (OPENAPI.encode(), "application/octet-stream", 415),
        (OPENAPI.encode(), "application/vnd.oai.openapi+yaml; version=3.1", 200),
        (b"", "application/yaml", 400),
        (b"\xff\xfe\x00", "application/yaml", 400),
    ],
)
def test_only_documents_are_taken(gateway: Running, body: bytes, content_type: str | None, status: int) -> None:
    found, value = ask(gateway, "lint?ruleset=spectral-oas", body, content_type)
    assert status == found
    assert status == 200 or {"code", "message", "description"} == set(value)


@pytest.mark.parametrize(
    "name", ["../slow.yaml", "/etc/passwd", "slow.yaml", "http://127.0.0.1/x", "spectral:oas", "owasp"]
)
def test_no_ruleset_is_used_but_those_that_policies_have(gateway: Running, name: str) -> None:
    status, error = ask(gateway, f"lint?ruleset={name}", OPENAPI)
    assert (404, 990120) == (status, error["code"])
