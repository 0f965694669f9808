"""Client certificates over TLS whose status a real responder, OpenSSL's, is asked for."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from support.certificates import new_certificate
from support.client_certificates import Issued, issue
from support.gateway import run
from support.listening import listening, status
from support.ocsp_responder import serving_status
from support.redis import free_port

TEXT = """
listen: [{{address: "127.0.0.1:0", tls: {{certificate: server.pem, key: server.key, client_ca: root.pem}}}}]
management: {{enabled: false}}
egress: {{allow: [127.0.0.0/8]}}
apis:
  - name: items
    context: /api
    endpoint: {{mock: {{body: hello}}}}
    plans: [{{name: banks, authentication: {{mtls: {{ca: [root.pem], ocsp: {{{settings}}}}}}}}}]
    operations: [{{match: GET /x}}]
"""
GET = b"GET /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
START = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
ROOT = issue("Root", authority=True, start=START)


def called(folder: Path, client: Issued, settings: str = "timeout: 30s") -> int:
    new_certificate(folder / "server.pem", folder / "server.key")
    ROOT.written(folder, "root.pem")

    async def scenario() -> int:
        async with listening(TEXT.format(settings=settings), folder) as gateway:
            return status(await gateway.send(GET, client.connecting(folder), "localhost", 0))

    found: int = run(scenario)
    return found


@pytest.mark.parametrize(("revoked", "expected"), [(False, 200), (True, 401)], ids=["good", "revoked"])
def test_the_authority_says_who_comes_in(revoked: bool, expected: int, tmp_path: Path) -> None:
    port = free_port()
    shop = issue("shop", ROOT, start=START, responder=f"http://127.0.0.1:{port}")
    with serving_status(tmp_path / "responder", port, ROOT, shop, revoked=revoked):
        assert expected == called(tmp_path, shop)


def test_who_the_authority_does_not_know_is_refused(tmp_path: Path) -> None:
    port = free_port()
    shop, other = issue("shop", ROOT, start=START), issue("other", ROOT, start=START)
    with serving_status(tmp_path / "responder", port, ROOT, other):
        assert 401 == called(tmp_path, shop, f'timeout: 30s, responder: "http://127.0.0.1:{port}"')


@pytest.mark.parametrize(
    ("authority", "digest"),
    [(issue("Root", authority=True, start=START), "sha256"), (ROOT, "sha1")],
    ids=["by another", "weakly"],
)
def test_an_answer_that_is_not_signed_well_is_none(authority: Issued, digest: str, tmp_path: Path) -> None:
    port = free_port()
    shop = issue("shop", ROOT, start=START, responder=f"http://127.0.0.1:{port}")
    with serving_status(tmp_path / "responder", port, authority, shop, digest=digest):
        assert 503 == called(tmp_path, shop)


def test_without_the_authority_the_operator_has_said_what_happens(tmp_path: Path) -> None:
    shop = issue("shop", ROOT, start=START, responder="http://127.0.0.1:1")
    assert 503 == called(tmp_path, shop)
    assert 200 == called(tmp_path, shop, "on_error: open")
