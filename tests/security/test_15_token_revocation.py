"""Threat class 15: gaps in revocation. A token that was good a moment ago is refused with the next request."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.gateway import run
from support.protected import Protected, fresh, protected
from support.tokens import ISSUER, key, public, signed

from apim_core.access.digests import digest_of_token
from apim_core.access.revocations import Revocation

Revoke = Callable[[Protected, str], None]


def revoke(kind: Any, value: str, issuer: str | None = ISSUER, moment: float | None = None) -> Revoke:
    def put(api: Protected, token: str) -> None:
        now = time.time()
        found = digest_of_token(token) if kind == "token" else value
        entry = Revocation(f"{kind} {value}", kind, found, issuer, now if moment is None else moment, now + 3600)
        api.served.gateway.revocations.put(entry)

    return put


REVOCATIONS = [
    pytest.param(revoke("token_id", "id-1"), id="by its jti"),
    pytest.param(revoke("token", "", issuer=None), id="by its own bytes"),
    pytest.param(revoke("client_id", "shop-web"), id="with all of its client"),
    pytest.param(revoke("subject", "anna"), id="with all of its subject"),
    pytest.param(revoke("subject", "anna", issuer=None), id="with all of its subject, whoever issued them"),
]


@pytest.mark.parametrize("revocation", REVOCATIONS)
@pytest.mark.parametrize("known", [True, False])
def test_a_token_is_refused_as_soon_as_it_is_revoked(revocation: Revoke, known: bool, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            token = signed(fresh(jti="id-1"))
            other = signed(fresh(jti="id-2", sub="berta", azp="other"))
            if known:
                assert [200] * 3 == [(await api.get(token)).status for _ in range(3)]
            reached = len(api.backend.requests)
            revocation(api, token)

            for _ in range(2):
                answer = await api.get(token)
                assert (401, "900901") == (answer.status, answer.json["code"])
                assert 'Bearer realm="apim", error="invalid_token"' == answer.headers["WWW-Authenticate"]
            assert reached == len(api.backend.requests)
            assert 200 == (await api.get(other)).status, "others are not concerned"

    run(scenario)


def test_what_is_issued_after_the_revocation_of_all_is_good(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            revoke("subject", "anna", moment=time.time() - 100)(api, "")
            now = int(time.time())
            assert 401 == (await api.get(signed(fresh(iat=now - 200)))).status
            assert 401 == (await api.get(signed(fresh(iat=None)))).status, "one that does not say when is from before"
            assert 200 == (await api.get(signed(fresh(iat=now - 10)))).status

    run(scenario)


def test_a_revoked_token_stays_refused_over_a_reload(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            token = signed(fresh(jti="id-1"))
            assert 200 == (await api.get(token)).status
            revoke("token_id", "id-1")(api, token)
            text = (tmp_path / "apim.yaml").read_text()
            for change in (text, text.replace("/x", "/{any}")):
                await api.served.reload(change)
                assert 401 == (await api.get(token)).status

    run(scenario)


def test_a_token_is_refused_as_soon_as_its_key_has_left_the_issuer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path) as api:
            token = signed(fresh(), {}, key("b"))
            (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public(), public("b")]}))
            text = (tmp_path / "apim.yaml").read_text()
            await api.served.reload(text.replace("jwks: {file", "refresh: 50ms, jwks: {file"))
            assert 200 == (await api.get(token)).status
            (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public()]}))
            deadline = time.monotonic() + 10
            while (await api.get(token)).status == 200:
                assert time.monotonic() < deadline, "the key is gone and its token still good"
            assert await api.is_open()

    run(scenario)


def test_an_opaque_token_is_refused_as_soon_as_it_is_revoked(tmp_path: Path) -> None:
    answer = {"active": True, "sub": "anna", "client_id": "shop-web", "jti": "id-1", "exp": int(time.time()) + 300}
    reply = Reply(200, {"Content-Type": "application/json"}, json.dumps(answer))

    async def scenario() -> None:
        async with FakeBackend(reply) as server, protected(tmp_path, "{oauth2: {key_manager: main}}") as api:
            text = (tmp_path / "apim.yaml").read_text().replace(ISSUER, server.url)
            more = f"introspection_endpoint: '{server.url}/introspect', credentials: {{id: gateway, secret: hidden}}"
            text = text.replace("jwks: {file: jwks.json}", f"jwks: {{file: jwks.json}}, {more}")
            await api.served.reload("egress: {allow: [127.0.0.0/8]}\n" + text)
            assert [200] * 3 == [(await api.get("opaque-1")).status for _ in range(3)]
            assert ["/introspect"] == [request.target for request in server.requests if "introspect" in request.target]
            revoke("token_id", "id-1", issuer=server.url)(api, "opaque-1")
            assert 401 == (await api.get("opaque-1")).status
            assert 3 == len(api.backend.requests)

    run(scenario)
