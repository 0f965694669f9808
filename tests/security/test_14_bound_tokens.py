"""Threat class 14, for tokens: one bound to a certificate or key is no good to who stole it, on any listener."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_auth.certificates import thumbprint
from apim_sdk.testing.backend import Answer as Reply
from apim_sdk.testing.backend import FakeBackend
from support.authority import Certificates, make_certificates
from support.gateway import run
from support.listening import Listening, listening, status
from support.proofs import jkt, proof
from support.protected import TEXT, fresh, protected
from support.tokens import ISSUER, public, signed


def named(folder: Path, name: str) -> Certificates:
    (folder / name).mkdir()
    return make_certificates(folder / name)


@attrs.frozen
class Listeners:
    """A gateway with a listener for certificates (0), one in the clear (1), and a backend that records."""

    gateway: Listening
    backend: FakeBackend
    server: Certificates
    client: Certificates

    def token(self, **changes: Any) -> str:
        """A token that is bound to the client's certificate."""
        der = ssl.PEM_cert_to_DER_cert(self.client.certificate.read_text())
        return signed(fresh(cnf={"x5t#S256": thumbprint(der)}, **changes))

    async def get(self, token: str, shown: Certificates | None = None, at: int = 0, *headers: str) -> int:
        """The status of a GET, over TLS at 0, with a client certificate if given."""
        lines = "".join(f"{header}\r\n" for header in headers)
        lines = f"Host: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{lines}"
        head = f"GET /api/x HTTP/1.1\r\n{lines}\r\n"
        context = None
        if at == 0:
            context = ssl.create_default_context(cafile=str(self.server.ca))
            if shown is not None:
                context.load_cert_chain(shown.certificate, shown.key)
        return status(await self.gateway.send(head.encode(), context, "localhost" if at == 0 else None, at))


@contextlib.asynccontextmanager
async def listeners(folder: Path, settings: str = "", rest: str = "") -> AsyncIterator[Listeners]:
    server, client = named(folder, "server"), named(folder, "client")
    (folder / "jwks.json").write_text(json.dumps({"keys": [public()]}))
    tls = (
        f"certificate: '{server.certificate}', key: '{server.key}', "
        f"client_ca: '{client.ca}', client_certificate: optional"
    )
    listen = f"listen: [{{address: '127.0.0.1:0', tls: {{{tls}}}}}, {{address: '127.0.0.1:0'}}]\n{rest}"
    async with FakeBackend(Reply(200, (), b"hello")) as backend:
        text = TEXT.format(
            issuer=ISSUER,
            backend=backend.url,
            authentication=f"{{jwt: {{key_manager: main{settings}}}}}",
            rest=listen,
        )
        async with listening(text, folder) as gateway:
            yield Listeners(gateway, backend, server, client)


def test_a_stolen_token_is_no_good_without_its_certificate(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listeners(tmp_path) as made:
            token = made.token()
            der = ssl.PEM_cert_to_DER_cert(made.client.certificate.read_text())
            claimed = (
                f"Client-Cert: :{b64encode(der).decode()}:",
                f"X-WSO2-CLIENT-CERTIFICATE: {b64encode(der).decode()}",
                f"X-Forwarded-Client-Cert: Cert={b64encode(der).decode()}",
            )
            assert 401 == await made.get(token)
            assert 401 == await made.get(token, None, 1)
            for header in claimed:
                assert 401 == await made.get(token, None, 0, header)
                assert 401 == await made.get(token, None, 1, header)
            assert [] == made.backend.requests
            assert 200 == await made.get(token, made.client), "with the certificate it is good"
            assert 401 == await made.get(token), "also once it is known"
            assert 1 == len(made.backend.requests)

    run(scenario)


def test_a_certificate_in_a_header_counts_from_trusted_proxies_only(tmp_path: Path) -> None:
    async def scenario(rest: str) -> int:
        folder = tmp_path / str(len(rest))
        folder.mkdir()
        async with listeners(folder, ", certificate_header: Client-Cert", rest) as made:
            der = ssl.PEM_cert_to_DER_cert(made.client.certificate.read_text())
            return await made.get(made.token(), None, 1, f"Client-Cert: :{b64encode(der).decode()}:")

    assert 401 == run(scenario(""))
    assert 401 == run(scenario("trusted_proxies: [192.0.2.0/24]"))
    assert 200 == run(scenario("trusted_proxies: [127.0.0.0/8]"))


def test_where_tokens_must_be_bound_no_bearer_comes_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listeners(tmp_path, ", bound: required") as made:
            bearer = signed(fresh())
            for _ in range(2):
                assert 401 == await made.get(bearer, made.client)
                assert 401 == await made.get(bearer, None, 1)
            assert 200 == await made.get(made.token(), made.client)

    run(scenario)


DPOP = "{dpop: {jwt: {key_manager: main}, base_url: 'https://api.example'}}"


def good(**changes: Any) -> Callable[[str], str]:
    """A proof for what these tests ask."""
    return lambda token: proof(token, **{"htu": "https://api.example/api/x", "iat": int(time.time()), **changes})


def test_a_stolen_token_is_no_good_without_its_key(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path, DPOP) as api:
            token = signed(fresh(cnf={"jkt": jkt()}))
            captured = good()(token)
            dpop = f"DPoP {token}"
            assert 200 == (await api.get(None, Authorization=dpop, DPoP=captured)).status
            for headers in (
                {"Authorization": f"Bearer {token}"},
                {"Authorization": f"Bearer {token}", "DPoP": good()(token)},
                {"Authorization": dpop},
                {"Authorization": dpop, "DPoP": captured},
                {"Authorization": dpop, "DPoP": good(htm="POST")(token)},
                {"Authorization": dpop, "DPoP": good(htu="https://api.example/api/y")(token)},
                {"Authorization": dpop, "DPoP": good(iat=1)(token)},
                {"Authorization": dpop, "DPoP": good(name="evil")(token)},
                {"Authorization": dpop, "DPoP": good()(signed(fresh(cnf={"jkt": jkt()}, jti="other")))},
            ):
                answer = await api.get(None, **headers)
                assert (401, 1) == (answer.status, len(api.backend.requests)), headers
                assert answer.headers["WWW-Authenticate"].startswith("DPoP ")
            assert 200 == (await api.get(None, Authorization=dpop, DPoP=good()(token))).status

    run(scenario)


def test_a_host_that_the_client_chose_makes_no_proof_good(tmp_path: Path) -> None:
    """Another server that a client uses may pass on what it got, with its own name as the host."""

    async def scenario() -> None:
        async with protected(tmp_path, DPOP) as api:
            token = signed(fresh(cnf={"jkt": jkt()}))
            headers = {"Authorization": f"DPoP {token}", "DPoP": good(htu="http://evil.example/api/x")(token)}
            for more in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
                answer = await api.get(None, **headers, **more)
                assert (401, []) == (answer.status, api.backend.requests)

    run(scenario)


def test_a_bearer_plan_beside_it_is_no_way_round(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path, DPOP) as api:
            text = (tmp_path / "apim.yaml").read_text()
            bearer = "{name: bearer, subscription: none, authentication: {jwt: {key_manager: main}}}"
            await api.served.reload(text.replace("plans: [", f"plans: [{bearer}, "))
            token = signed(fresh(cnf={"jkt": jkt()}))
            assert 401 == (await api.get(token)).status
            assert 401 == (await api.get(token, DPoP=good()(token))).status
            assert 200 == (await api.get(signed(fresh()))).status
            assert 200 == (await api.get(None, Authorization=f"DPoP {token}", DPoP=good()(token))).status

    run(scenario)


def test_the_backend_sees_neither_token_nor_proof(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path, DPOP) as api:
            token = signed(fresh(cnf={"jkt": jkt()}))
            assert 200 == (await api.get(None, Authorization=f"DPoP {token}", DPoP=good()(token))).status
            seen = api.backend.requests[0].headers
            assert (False, False) == ("Authorization" in seen, "DPoP" in seen)

    run(scenario)


@pytest.mark.parametrize("missing", ["Authorization", "DPoP"])
def test_half_of_it_is_no_credential(missing: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with protected(tmp_path, DPOP) as api:
            token = signed(fresh(cnf={"jkt": jkt()}))
            headers = {"Authorization": f"DPoP {token}", "DPoP": good()(token)}
            del headers[missing]
            answer = await api.get(None, **headers)
            assert (401, []) == (answer.status, api.backend.requests)
            assert ("error=" in answer.headers["WWW-Authenticate"]) == (missing == "DPoP")

    run(scenario)
