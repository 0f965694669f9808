"""Threat class 15, revocation gaps: a user, a certificate and a key that are taken back are refused within seconds."""

from __future__ import annotations

import datetime
import http.client
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

from support.client_certificates import issue, revocation_list
from support.passwords import argon2id
from support.processes import Running, eventually, running

IN_A_ROW = 20
"""Answers on new connections, which the kernel spreads over both workers, that must agree."""

TEXT = """
listen: 127.0.0.1:0
management: {listen: '127.0.0.1:0'}
log: {format: json}
workers: 2
trusted_proxies: [127.0.0.0/8]
apis:
  - name: items
    context: /api
    endpoint: {process-id: {}}
    plans:
      - {name: users, authentication: {basic: {file: users, at_once: 4}}}
      - {name: shown, authentication: {mtls: {ca: [ca.pem], crl: [ca.crl], header: Client-Cert}}}
    operations: [{match: GET /x}]
"""


def ask(gateway: Running, headers: dict[str, str]) -> tuple[int, str]:
    """Status, and the number of the worker if it is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    try:
        connection.request("GET", "/api/x", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def warmed(gateway: Running, headers: dict[str, str]) -> None:
    """Both workers know the credential."""
    seen: set[tuple[int, str]] = set()

    def both() -> bool:
        seen.add(ask(gateway, headers))
        return len(seen) == 2

    eventually(both, "both workers let it in")
    assert {200} == {status for status, _ in seen}


def refused_by_all(gateway: Running, headers: dict[str, str]) -> None:
    eventually(
        lambda: {401} == {ask(gateway, headers)[0] for _ in range(IN_A_ROW)}, "no worker lets it in any more", 10.0
    )


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / "new").write_bytes(content)
    (folder / "new").replace(folder / name)


def test_users_and_certificates_that_are_taken_back_are_refused_by_every_worker(tmp_path: Path) -> None:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority = issue("Root", authority=True, start=start)
    client = issue("client", authority, start=start)
    authority.written(tmp_path, "ca.pem")
    put(tmp_path, "ca.crl", revocation_list(authority, start=start))
    anna, otto = (f"{name}:{argon2id(name)}\n" for name in ("anna", "otto"))
    put(tmp_path, "users", (anna + otto).encode())
    password = {"Authorization": f"Basic {b64encode(b'anna:anna').decode()}"}
    certificate = {"Client-Cert": quote(client.pem.decode(), safe="")}

    with running(tmp_path, TEXT) as gateway:
        for credential in (password, certificate):
            warmed(gateway, credential)

        put(tmp_path, "users", otto.encode())
        put(tmp_path, "ca.crl", revocation_list(authority, client, start=start))

        for credential in (password, certificate):
            refused_by_all(gateway, credential)
