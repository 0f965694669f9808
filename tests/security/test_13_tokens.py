"""Threat class 13, for tokens: none is in an answer, a log line, a record or a metric, whatever becomes of it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from apim_auth.given_keys import GivenKeys
from apim_sdk.testing.backend import FakeBackend
from support.gateway import run
from support.proofs import jkt, proof
from support.protected import fresh, protected
from support.tokens import ISSUER, key, signed

MARK = "MARKED-7f3a"
PLANS = """
      - {name: signed, subscription: none, authentication: {jwt: {key_manager: main, query: token, cookie: token}}}
      - {name: proved, subscription: none, authentication: {dpop: {jwt: {key_manager: main}, nonce: true}}}
      - {name: tried, authentication: {internal-key: {file: jwks.json}}}
      - {name: opaque, subscription: none, authentication: {oauth2: {key_manager: asked, token_pattern: "[^.]+"}}}
"""


def test_no_token_is_seen_anywhere(tmp_path: Path) -> None:
    good, bound = signed(fresh(jti=MARK)), signed(fresh(cnf={"jkt": jkt()}))
    proved = proof(bound, htu="http://127.0.0.1/api/x", iat=int(time.time()))
    forged = signed(fresh(), {}, key("evil"))
    marked = f"{MARK}.{MARK}.{MARK}"
    attempts: list[tuple[str, dict[str, str]]] = [
        ("/api/x", {"Authorization": f"Bearer {good}"}),
        ("/api/x", {"Authorization": f"Bearer {forged}"}),
        ("/api/x", {"Authorization": f"Bearer {marked}"}),
        ("/api/x", {"Authorization": f"Bearer {MARK}-opaque"}),
        (f"/api/x?token={forged}", {}),
        (f"/api/x?token={good}", {}),
        ("/api/x", {"Cookie": f"token={forged}"}),
        ("/api/x", {"Authorization": f"DPoP {bound}", "DPoP": proved}),
        ("/api/x", {"Authorization": f"DPoP {marked}", "DPoP": marked}),
        ("/api/x", {"Internal-Key": marked}),
        (f"/nowhere?token={marked}", {"Authorization": f"Bearer {good}"}),
    ]
    seen: list[str] = []

    async def scenario() -> None:
        # The server's answers are no JSON: it cannot be told whether a token is active.
        async with FakeBackend(f"HTTP/1.1 500 X\r\n\r\n{MARK}".encode()) as server, protected(tmp_path) as api:
            text = (tmp_path / "apim.yaml").read_text()
            start, end = text.index("    plans:"), text.index("    operations:")
            text = text[:start] + "    plans:" + PLANS + text[end:]
            asked = (
                f"  asked: {{oidc: {{issuer: '{server.url}', introspection_endpoint: '{server.url}/i', "
                f"credentials: {{id: gateway, secret: {MARK}-secret}}, jwks: {{file: jwks.json}}}}}}\n"
            )
            text = text.replace("apis:\n", f"{asked}sinks: [jsonl: {{path: access.jsonl}}]\napis:\n")
            await api.served.reload("egress: {allow: [127.0.0.0/8]}\n" + text)
            statuses = []
            for path, headers in attempts:
                answer = await api.served.call("GET", path, headers=headers)
                statuses.append(answer.status)
                seen.append(f"{answer.body!r} {dict(answer.headers)}")
            assert [200, 401, 401, 503, 401, 200, 401, 401, 401, 401, 404] == statuses
            seen.extend(map(repr, api.served.log))
            seen.append(api.served.gateway.metrics.exposition().decode())

    run(scenario)
    records = (tmp_path / "access.jsonl").read_text()
    assert len(attempts) == len(records.splitlines())
    signatures = [token.rpartition(".")[2] for token in (good, bound, proved, forged)]
    assert [] == [text for text in [*seen, records] for secret in (MARK, *signatures) if secret in text]


def test_of_a_private_key_where_a_public_one_belongs_only_the_public_half_is_kept(tmp_path: Path) -> None:
    private = key().as_dict(private=True)
    for content in (json.dumps(private).encode(), key().as_pem(private=True)):
        (tmp_path / "keys").write_bytes(content)
        kept = asyncio.run(GivenKeys.read(tmp_path / "keys", ISSUER))
        assert private["x"] in repr(kept)
        assert private["d"] not in repr(kept)
