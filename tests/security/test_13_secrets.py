"""Threat class 13: secrets in errors, logs, records, metrics, schemas: what is marked here may appear nowhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_sdk import Exchange, Policy, Secret
from support.gateway import run, serving

from apim_core.cli import main
from apim_core.config import load

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
MARK = "MARKED-7f3a"

TEXT = f"""
management: {{enabled: false}}
sinks: [jsonl: {{path: access.jsonl}}, prometheus: {{}}]
key_managers:
  main: {{oidc: {{issuer: "https://idp.example", jwks: {{file: jwks.json}}}}}}
apis:
  - name: items
    context: /api
    endpoint: {{http: {{url: "http://127.0.0.1:1"}}}}
    plans:
      - {{name: keys, authentication: {{api-key: {{header: X-API-Key, query: api_key}}}}}}
      - {{name: tokens, authentication: {{jwt: {{key_manager: main}}}}}}
    flows: {{request: [guard: {{password: "{MARK}-policy"}}]}}
    operations: [{{match: GET /x}}, {{match: GET /open, authentication: none, flows: {{request: [broken: {{}}]}}}}]
applications:
  - name: shop
    keys: [{{api-key: "{MARK}-key"}}]
    subscriptions: [{{api: items, plan: keys}}]
"""


@attrs.frozen
class Guard(Policy):
    """Holds a secret."""

    password: Secret
    """A secret."""

    def on_request(self, exchange: Exchange) -> None:
        if exchange.request.query_string == "fail":
            raise ValueError(f"{self!r} fails for {self.password}")


@attrs.frozen
class Broken(Policy):
    """Fails."""

    def on_request(self, exchange: Exchange) -> None:
        raise RuntimeError("broken")


PLUGINS: dict[str, Any] = {"guard": Guard, "broken": Broken}

ATTEMPTS: list[tuple[str, dict[str, str]]] = [
    ("/api/x", {"X-API-Key": f"{MARK}-key"}),
    ("/api/x?fail", {"X-API-Key": f"{MARK}-key"}),
    ("/api/x", {"X-API-Key": f"{MARK}-wrong"}),
    (f"/api/x?api_key={MARK}-wrong", {}),
    ("/api/x", {"Authorization": f"Bearer {MARK}.{MARK}.{MARK}"}),
    ("/api/x", {"Authorization": f"Basic {MARK}"}),
    ("/api/open", {"Cookie": f"session={MARK}", "Authorization": f"Bearer {MARK}"}),
    (f"/nowhere?token={MARK}", {"X-API-Key": MARK}),
]


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path) -> None:
    shutil.copy(QUICKSTART / "jwks.json", tmp_path)


def test_no_secret_is_in_an_answer_a_log_line_a_record_or_a_metric(tmp_path: Path) -> None:
    seen: list[str] = []

    async def scenario() -> None:
        async with serving(TEXT, tmp_path, **PLUGINS) as served:
            statuses = []
            for path, headers in ATTEMPTS:
                answer = await served.call("GET", path, headers=headers)
                statuses.append(answer.status)
                seen.append(f"{answer.body!r} {dict(answer.headers)}")
            assert [502, 500, 401, 401, 401, 401, 500, 404] == statuses
        seen.extend(map(repr, served.log))
        seen.append(served.gateway.metrics.exposition().decode())

    run(scenario())
    records = (tmp_path / "access.jsonl").read_text()
    assert len(ATTEMPTS) == len(records.splitlines())
    assert [] == [text for text in [*seen, records] if MARK in text]


def test_no_secret_is_in_what_a_configuration_shows_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(TEXT)
    assert MARK not in repr(load(file).applications)


@pytest.mark.parametrize("secret", [f"{MARK}-in-the-environment", "a"])
def test_no_secret_of_the_environment_is_in_what_check_says(
    secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_KEY", secret)
    file = tmp_path / "apim.yaml"
    file.write_text("applications: [{name: a, keys: [api-key: '${env:SHOP_KEY}']}, {name: a, keyz: 1}]\n")
    assert 1 == main(["check", str(file)])
    assert 1 == main(["check", str(file), "--json"])
    written = capsys.readouterr()
    assert MARK not in written.out + written.err


def test_no_secret_is_in_what_explain_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(TEXT.replace(f'guard: {{password: "{MARK}-policy"}}', "").replace("broken: {}", ""))
    assert 0 == main(["explain", str(file), "GET", "/api/x", "-H", f"X-API-Key: {MARK}-key"])
    written = capsys.readouterr()
    assert "-> plan keys: its credential is there" in written.out
    assert MARK not in written.out + written.err


def test_no_default_of_a_secret_is_in_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])

    def secrets(schema: Any) -> list[Any]:
        if isinstance(schema, dict):
            own = [schema] if schema.get("writeOnly") else []
            return own + [found for value in schema.values() for found in secrets(value)]
        return [found for value in schema for found in secrets(value)] if isinstance(schema, list) else []

    found = secrets(json.loads(capsys.readouterr().out))
    assert found
    assert [] == [schema for schema in found if {"default", "examples", "const", "enum"} & set(schema)]
