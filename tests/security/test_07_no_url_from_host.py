"""Threat class 7: the host that a client writes gets into no URL that the gateway makes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.gateway import Answer, api, run, serving
from support.resident import ANN, CHALLENGE

RESIDENT = f"""
management: {{enabled: false}}
stores: {{main: {{memory: {{}}}}}}
key_managers:
  resident:
    resident:
      issuer: https://login.example/oauth2
      store: main
      algorithm: ES256
      registration: {{open: true}}
      users: {{ann: {{password: "{ANN}"}}}}
      clients:
        shop: {{redirect_uris: ["https://shop.example/back"], grant_types: [authorization_code]}}
        television: {{grant_types: ["urn:ietf:params:oauth:grant-type:device_code"]}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
"""
ASKED = {
    "response_type": "code",
    "client_id": "shop",
    "redirect_uri": "https://shop.example/back",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "holds"),
    [
        ("GET", "/.well-known/openid-configuration", {}, 200, b"https://login.example/oauth2/token"),
        ("GET", f"/authorize?{urlencode(ASKED)}", {}, 200, b"<form"),
        ("GET", f"/authorize?{urlencode({**ASKED, 'prompt': 'none'})}", {}, 303, b"https://shop.example/back"),
        ("POST", "/device_authorization", {"data": {"client_id": "television"}}, 200, b"https://login.example/"),
        ("POST", "/register", {"json": {"redirect_uris": ["https://a.example/b"]}}, 201, b"https://login.example/"),
    ],
    ids=["metadata", "login", "error", "device", "registration"],
)
def test_the_authorization_server_goes_by_its_issuer(
    method: str, path: str, sent: dict[str, object], status: int, holds: bytes, tmp_path: Path
) -> None:
    async def scenario() -> Answer:
        async with serving(RESIDENT, tmp_path) as served:
            return await served.call(method, f"/oauth2{path}", headers={"Host": "evil.example"}, **sent)

    answer = run(scenario)
    shown = answer.body + repr(dict(answer.headers)).encode()
    assert (status, True, False) == (answer.status, holds in shown, b"evil" in shown)


def test_the_backend_is_asked_for_its_own_host_and_told_of_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with FakeBackend(Reply(200, (), b"hello")) as backend:
            text = api(endpoint=f'{{http: {{url: "{backend.url}"}}}}')
            async with serving(text, tmp_path) as served:
                await served.call("GET", "/api/items/1", headers={"Host": "evil.example"})
            (request,) = backend.requests
            assert (backend.url.removeprefix("http://"),) == request.headers.get_all("Host")
            assert ("evil.example",) == request.headers.get_all("X-Forwarded-Host")

    run(scenario)
