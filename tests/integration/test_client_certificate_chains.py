"""Clients of a three-level authority over real TLS, who send what stands between their certificate and the root."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.certificates import new_certificate
from support.client_certificates import Issued, issue
from support.gateway import run
from support.listening import Listening, listening

START = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
ROOT = issue("Root", authority=True, start=START)
MIDDLE = issue("Middle", ROOT, authority=True, start=START)
SHOP = issue("shop", MIDDLE, start=START)
OTHER = issue("Other", authority=True, start=START)
BETWEEN = issue("Between", OTHER, authority=True, start=START)
STRANGER = issue("stranger", BETWEEN, start=START)
TEXT = """
listen:
  - address: "127.0.0.1:0"
    tls: {{certificate: server.pem, key: server.key, client_ca: both.pem, minimum_version: "1.2"}}
management: {{enabled: false}}
apis:
  - name: pinned
    context: /pinned
    endpoint: {{mock: {{body: hello}}}}
    plans: [{{name: banks, authentication: {{mtls: {{ca: [{ca}]}}}}}}]
    operations: [{{match: GET /x}}]
  - name: open
    context: /open
    endpoint: {{mock: {{body: hello}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: GET /x}}]
"""


def call(
    port: int, context: ssl.SSLContext, path: str, session: ssl.SSLSession | None = None
) -> tuple[int, bool, ssl.SSLSession | None]:
    """The status, whether the connection resumed the session, and the session to resume."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, session=session) as connection,
    ):
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return int(answer.split()[1]), bool(connection.session_reused), connection.session


def called(folder: Path, client: Issued, sent: Sequence[Issued], *paths: str, ca: str = "root.pem") -> list[int]:
    """The statuses of calls, each on a connection that resumes the session of the one before."""
    new_certificate(folder / "server.pem", folder / "server.key")
    ROOT.written(folder, "root.pem")
    MIDDLE.written(folder, "middle.pem")
    (folder / "both.pem").write_bytes(ROOT.pem + OTHER.pem + MIDDLE.pem)
    context = client.connecting(folder, *sent)

    async def scenario(gateway: Listening) -> list[int]:
        statuses, session = [], None
        for path in paths:
            status, resumed, session = await asyncio.to_thread(call, gateway.ports[0], context, path, session)
            assert resumed == bool(statuses)
            statuses.append(status)
        return statuses

    async def serve() -> list[int]:
        async with listening(TEXT.format(ca=ca), folder) as gateway:
            return await scenario(gateway)

    found: list[int] = run(serve)
    return found


@pytest.mark.parametrize(
    ("client", "sent", "ca", "expected"),
    [
        (SHOP, [MIDDLE], "root.pem", 200),
        (SHOP, [MIDDLE, ROOT], "root.pem", 200),
        (SHOP, [], "middle.pem", 200),
        (SHOP, [], "root.pem", 401),
        (STRANGER, [BETWEEN], "root.pem", 401),
        (STRANGER, [BETWEEN, OTHER, MIDDLE, ROOT], "root.pem", 401),
        (SHOP, [*[OTHER] * 10, MIDDLE], "root.pem", 401),
    ],
    ids=["the chain", "with the root", "no need", "without", "another root", "both roots", "too many"],
)
def test_a_plan_takes_the_chain_that_the_client_sent(
    client: Issued, sent: Sequence[Issued], ca: str, expected: int, tmp_path: Path
) -> None:
    assert [expected] == called(tmp_path, client, sent, "/pinned/x", ca=ca)


def test_a_connection_that_resumes_a_session_has_the_chain_of_the_one_before(tmp_path: Path) -> None:
    assert [200, 200, 200] == called(tmp_path, SHOP, [MIDDLE], "/open/x", "/pinned/x", "/pinned/x")
