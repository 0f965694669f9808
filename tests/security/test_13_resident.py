"""Threat class 13: no password, secret, code or token of the authorization server is in a log, a record or an error."""

from __future__ import annotations

import json
from pathlib import Path

from support.gateway import run, serving
from support.resident import ANN, CHALLENGE, VERIFIER

GATEWAY = f"""
management: {{enabled: false}}
stores: {{main: {{memory: {{}}}}}}
sinks: [{{jsonl: {{path: access.jsonl}}}}]
key_managers:
  resident:
    resident:
      issuer: http://127.0.0.1:8080/oauth2
      store: main
      secret: MARKED-sealing
      algorithm: ES256
      grants: [client_credentials, password, refresh_token]
      users: {{ann: {{password: "{ANN}"}}}}
      clients: {{shop: {{secret: MARKED-client, grant_types: [client_credentials, password, refresh_token]}}}}
      registration: {{initial_access_token: MARKED-registration}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
"""
SHOP = {"client_id": "shop", "client_secret": "MARKED-client"}


def test_what_was_sent_or_issued_shows_nowhere(tmp_path: Path) -> None:
    secrets = {"MARKED", "swordfish", ANN, VERIFIER}
    shown = []

    async def check() -> None:
        async with serving(GATEWAY, tmp_path) as served:
            password = {"grant_type": "password", "username": "ann", "password": "swordfish"}
            answer = (await served.call("POST", "/oauth2/token", data={**SHOP, **password})).json
            secrets.update((answer["access_token"], answer["refresh_token"].partition(".")[2]))
            again = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}
            for _ in range(2):
                await served.call("POST", "/oauth2/token", data={**SHOP, **again})
            for form in (
                {**SHOP, **password, "username": "MARKED-name", "password": "MARKED-password"},
                {**SHOP, "client_secret": "MARKED-wrong", "grant_type": "client_credentials"},
                {**SHOP, "grant_type": "authorization_code", "code": "MARKED-code", "code_verifier": VERIFIER},
                {**SHOP, "grant_type": "MARKED-grant"},
                {**SHOP, "grant_type": "client_credentials", "scope": "MARKED-scope"},
            ):
                refused = await served.call("POST", "/oauth2/token", data=form)
                assert refused.status >= 400
                shown.append(refused.body.decode())
            await served.call("POST", "/oauth2/introspect", data={**SHOP, "token": answer["access_token"]})
            query = f"?client_id=MARKED&code_challenge={CHALLENGE}"
            shown.append((await served.get(f"/oauth2/authorize{query}")).body.decode())
            shown.append(json.dumps(served.log, default=repr))
            shown.append(repr(served.gateway))

    run(check)
    shown.append((tmp_path / "access.jsonl").read_text())
    for secret in secrets:
        assert [] == [text[:200] for text in shown if secret in text]
