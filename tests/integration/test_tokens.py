"""Tokens of a real, certified authorization server, at the gateway: signed, opaque, bound to a key or certificate."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import attrs
import pytest
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from joserfc import jwk
from support.authority import make_certificates
from support.gateway import Answer, Served, run, serving
from support.listening import Listening, listening, status
from support.provider import SECRET, Provider, dpop_proof, provider

TEXT = """\
management: {{enabled: false}}
egress: {{allow: [127.0.0.0/8]}}
key_managers:
  main: {{oidc: {{issuer: "{issuer}", credentials: {{id: gateway, secret: "{secret}"}}{manager}}}}}
apis:
  - name: orders
    context: /api
    endpoint: {{http: {{url: "{backend}"}}}}
    plans: [{{name: p, authentication: {authentication}}}]
    operations: [{{match: "* /x", scopes: [orders.read]}}, {{match: "* /y", scopes: [orders.write]}}]
applications:
  - {{name: shop, keys: [{{client_id: shop}}], subscriptions: [{{api: orders, plan: p}}]}}
{rest}
"""
SIGNED = "{jwt: {key_manager: main, audience: [orders], types: [at+jwt]}}"
OPAQUE = "{oauth2: {key_manager: main, stale_if_error: 1m, cache: 1s}}"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with provider() as server:
        yield server


@attrs.frozen
class Gateway:
    served: Served
    backend: FakeBackend

    async def get(self, token: str, path: str = "/api/x", scheme: str = "Bearer", **headers: str) -> Answer:
        return await self.served.get(path, Authorization=f"{scheme} {token}", **headers)


@contextlib.asynccontextmanager
async def gateway(
    server: Provider, folder: Path, authentication: str, manager: str = "", rest: str = ""
) -> AsyncIterator[Gateway]:
    async with FakeBackend(Reply(200, (), b"hello")) as backend:
        text = TEXT.format(
            issuer=server.issuer,
            secret=SECRET,
            manager=manager,
            backend=backend.url,
            authentication=authentication,
            rest=rest,
        )
        async with serving(text, folder) as served:
            yield Gateway(served, backend)


def test_a_signed_token_comes_in_with_its_scopes(server: Provider, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with gateway(server, tmp_path, SIGNED) as made:
            token = await asyncio.to_thread(server.token)
            assert 200 == (await made.get(token)).status
            refused = await made.get(token, "/api/y")
            assert (403, "900910") == (refused.status, refused.json["code"])
            assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
            assert 401 == (await made.get(token[:-4] + "AAAA")).status

    run(scenario)


def test_the_token_of_an_application_without_a_subscription_is_refused(server: Provider, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with gateway(server, tmp_path, SIGNED) as made:
            token = await asyncio.to_thread(server.token, "gateway")
            answer = await made.get(token)
            assert (403, "900908") == (answer.status, answer.json["code"])

    run(scenario)


def test_keys_rotate_under_load_without_one_wrong_answer(tmp_path: Path) -> None:
    """Tokens of the old key and of the new are good all the time; once the old one has gone, its tokens are refused."""

    async def scenario() -> None:
        async with gateway(server, tmp_path, SIGNED, ", refresh: 1s") as made:
            old = await asyncio.to_thread(server.token)
            statuses: list[int] = []
            stop = False

            async def load(tokens: list[str]) -> None:
                while not stop:
                    statuses.extend([(await made.get(token)).status for token in tuple(tokens)])

            tokens = [old]
            loads = [asyncio.ensure_future(load(tokens)) for _ in range(8)]
            for _ in range(2):
                await asyncio.to_thread(server.rotate)
                tokens[:] = [tokens[-1], await asyncio.to_thread(server.token)]
                reached = len(statuses)
                while len(statuses) < reached + 200:
                    await asyncio.sleep(0)
            stop = True
            await asyncio.gather(*loads)
            assert {200} == set(statuses)

            await asyncio.to_thread(server.rotate, retire=True)
            deadline = time.monotonic() + 20
            while (await made.get(tokens[-1])).status == 200:
                assert time.monotonic() < deadline, "a token of a key that has gone is still good"
            assert 200 == (await made.get(await asyncio.to_thread(server.token))).status

    with provider() as server:
        run(scenario)


@pytest.mark.parametrize("manager", ["", ", signed_introspection: true"])
def test_an_opaque_token_comes_in_once_the_server_was_asked(server: Provider, manager: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with gateway(server, tmp_path, "{oauth2: {key_manager: main}}", manager) as made:
            token = await asyncio.to_thread(server.token, opaque=True)
            before = await asyncio.to_thread(server.count, "/token/introspection")
            answers = await asyncio.gather(*(made.get(token) for _ in range(20)))
            assert {200} == {answer.status for answer in answers}
            assert 403 == (await made.get(token, "/api/y")).status
            assert 1 == await asyncio.to_thread(server.count, "/token/introspection") - before
            assert 401 == (await made.get("made-up")).status

    run(scenario)


def test_a_token_that_the_server_revoked_is_refused_when_it_is_asked_again(server: Provider, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with gateway(server, tmp_path, "{oauth2: {key_manager: main, cache: 0s}}") as made:
            token = await asyncio.to_thread(server.token, opaque=True)
            assert 200 == (await made.get(token)).status
            with contextlib.suppress(ValueError):  # the answer has no body
                await asyncio.to_thread(server.post, "/token/revocation", {"token": token})
            answer = await made.get(token)
            assert (401, "900901") == (answer.status, answer.json["code"])

    run(scenario)


def test_while_the_server_is_away_known_tokens_go_on_and_others_are_a_failure(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with gateway(server, tmp_path, OPAQUE) as made:
            known, unknown = [await asyncio.to_thread(server.token, opaque=True) for _ in range(2)]
            assert 200 == (await made.get(known)).status
            with server.away():
                deadline = time.monotonic() + 1.2
                while time.monotonic() < deadline:
                    assert 200 == (await made.get(known)).status
                answer = await made.get(unknown)
                assert (503, "900900") == (answer.status, answer.json["code"])
            assert 200 == (await made.get(unknown)).status

    with provider() as server:
        run(scenario)


@pytest.mark.parametrize(
    ("inner", "opaque"),
    [("jwt: {key_manager: main, audience: [orders]}", False), ("oauth2: {key_manager: main}", True)],
)
def test_a_token_that_is_bound_to_a_key_comes_in_with_proofs(
    server: Provider, inner: str, opaque: bool, tmp_path: Path
) -> None:
    key = jwk.ECKey.generate_key("P-256", auto_kid=False)

    def proof(token: str, key: jwk.ECKey = key, **changes: str) -> str:
        ath = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
        return dpop_proof(key, "GET", "https://api.example/api/x", ath=ath, **changes)

    async def scenario() -> None:
        authentication = f"{{dpop: {{{inner}, base_url: 'https://api.example', nonce: true}}}}"
        async with gateway(server, tmp_path, authentication) as made:
            token = await asyncio.to_thread(server.dpop_token, "shop", "orders.read", key, opaque=opaque)
            asked = await made.get(token, scheme="DPoP", DPoP=proof(token))
            assert 401 == asked.status
            assert 'error="use_dpop_nonce"' in asked.headers["WWW-Authenticate"]
            nonce = asked.headers["DPoP-Nonce"]

            good = proof(token, nonce=nonce)
            assert 200 == (await made.get(token, scheme="DPoP", DPoP=good)).status
            assert 401 == (await made.get(token, scheme="DPoP", DPoP=good)).status, "a proof is good once"
            assert 401 == (await made.get(token, DPoP=proof(token, nonce=nonce))).status, "it is no bearer token"
            other = jwk.ECKey.generate_key("P-256", auto_kid=False)
            assert 401 == (await made.get(token, scheme="DPoP", DPoP=proof(token, other, nonce=nonce))).status
            assert 200 == (await made.get(token, scheme="DPoP", DPoP=proof(token, nonce=nonce))).status

    run(scenario)


def test_a_token_that_is_bound_to_a_certificate_comes_in_with_it(tmp_path: Path) -> None:
    for name in ("server", "client"):
        (tmp_path / name).mkdir()
    own, client = make_certificates(tmp_path / "server"), make_certificates(tmp_path / "client")
    bound = {
        "client_id": "bound",
        "client_secret": SECRET,
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        "scope": "orders.read",
        "tls_client_certificate_bound_access_tokens": True,
    }
    listen = (
        f"listen: [{{address: '127.0.0.1:0', tls: {{certificate: '{own.certificate}', key: '{own.key}', "
        f"client_ca: '{client.ca}', client_certificate: optional}}}}]"
    )

    async def get(made: Listening, token: str, *, shown: bool) -> int:
        context = ssl.create_default_context(cafile=str(own.ca))
        if shown:
            context.load_cert_chain(client.certificate, client.key)
        head = f"GET /api/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        return status(await made.send(head.encode(), context, "localhost"))

    async def scenario() -> None:
        token = await asyncio.to_thread(server.token, "bound", certificate=(client.certificate, client.key))
        async with FakeBackend(Reply(200, (), b"hello")) as backend:
            text = TEXT.format(
                issuer=server.issuer,
                secret=SECRET,
                manager=f", tls: {{ca: '{own.ca}'}}",
                backend=backend.url,
                authentication=SIGNED,
                rest=listen,
            ).replace("client_id: shop}", "client_id: bound}")
            async with listening(text, tmp_path) as made:
                assert 401 == await get(made, token, shown=False)
                assert 200 == await get(made, token, shown=True)
                assert 401 == await get(made, token, shown=False)

    with provider(own, [bound]) as server:
        run(scenario)
