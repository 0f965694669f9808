"""Threat class 13, for credentials: no key, password or secret is in an answer, a log line, a record, a metric."""

from __future__ import annotations

import time
from base64 import b64encode
from pathlib import Path

import pytest
from support.gateway import run, serving
from support.passwords import argon2id
from support.signing import signature_fields

from apim_core.config import load

MARK = "MARKED-7f3a"
SECRET = f"{MARK}-a-shared-secret"
HASH = argon2id(f"{MARK}-password")

TEXT = f"""
management: {{enabled: false}}
sinks: [jsonl: {{path: access.jsonl}}, prometheus: {{}}]
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "http://127.0.0.1:1"}}}}
    plans:
      - {{name: users, authentication: {{basic: {{users: {{anna: {{password: "{HASH}"}}}}}}}}}}
      - {{name: directory, authentication: {{basic: {{ldap: {{url: "ldap://127.0.0.1:1", base: "dc=example",
          bind_dn: "cn=a", bind_password: "{MARK}-searching"}}}}}}}}
      - {{name: keys, authentication: {{api-key: {{header: X-API-Key, query: key}}}}}}
      - name: signed
        authentication: {{http-signature: {{keys: {{k: {{algorithm: hmac-sha256, secret: "{SECRET}"}}}}}}}}
      - {{name: drafted, authentication: {{hmac: {{keys: {{k: {{secret: "{SECRET}"}}}}, header: Signature}}}}}}
      - {{name: shown, authentication: {{mtls: {{application: true, header: Client-Cert}}}}}}
    operations: [{{match: GET /x}}]
trusted_proxies: ["127.0.0.0/8"]
"""


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(text.encode()).decode()}"}


def attempts() -> list[tuple[str, dict[str, str]]]:
    lines = [('"@method"', "GET"), ('"@path"', "/api/x")]
    good = dict(signature_fields(lines, f';created={int(time.time())};keyid="k"', key=SECRET.encode()))
    return [
        ("/api/x", basic(f"anna:{MARK}-password")),
        ("/api/x", basic(f"anna:{MARK}-wrong")),
        ("/api/x", basic(f"{MARK}:x")),
        ("/api/x", {"Authorization": f"Basic {MARK}"}),
        ("/api/x", {"X-API-Key": f"{MARK}-wrong"}),
        (f"/api/x?key={MARK}-wrong", {}),
        ("/api/x", good),
        ("/api/x", {**good, "Signature": f"sig=:{b64encode(MARK.encode()).decode()}:"}),
        ("/api/x", {**good, "Signature": MARK}),
        ("/api/x", {"Signature": f'keyId="k",signature="{MARK}"'}),
        ("/api/x", {"Client-Cert": f":{b64encode(MARK.encode()).decode()}:"}),
    ]


def test_no_credential_is_seen_anywhere(tmp_path: Path) -> None:
    seen: list[str] = []
    tried = attempts()

    async def scenario() -> None:
        async with serving(TEXT, tmp_path) as served:
            statuses = []
            for path, headers in tried:
                answer = await served.call("GET", path, headers=headers)
                statuses.append(answer.status)
                seen.append(f"{answer.body!r} {dict(answer.headers)}")
            assert [502, 503, 503, 401, 401, 401, 401, 401, 401, 401, 401] == statuses
        seen.extend(map(repr, served.log))
        seen.append(served.gateway.metrics.exposition().decode())

    run(scenario)
    records = (tmp_path / "access.jsonl").read_text()
    assert len(tried) == len(records.splitlines())
    encoded = [b64encode(f"anna:{MARK}-password".encode()).decode(), b64encode(MARK.encode()).decode(), HASH]
    assert [] == [text for text in [*seen, records] if any(mark in text for mark in (MARK, *encoded))]


@pytest.mark.parametrize("mark", [MARK, HASH], ids=["mark", "hash"])
def test_no_secret_is_in_what_a_configuration_shows_of_itself(mark: str, tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(TEXT)

    assert mark not in repr(load(file).applications)
