"""Threat class 14: mutual TLS that some listener does not enforce, a certificate from a header of an untrusted hop."""

from __future__ import annotations

import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import attrs
import pytest
from apim_sdk import Endpoint, Exchange, Response
from support.certificates import new_certificate
from support.client_certificates import issue
from support.gateway import Answer, run, serving

ROOT = issue("Root", authority=True, days=36500)
SHOP = issue("shop", ROOT, days=36500)
STRANGER = issue("stranger", issue("Root", authority=True, days=36500), days=36500)
TLS = "{certificate: server.pem, key: server.key, client_ca: root.pem, client_certificate: optional}"
HEADERS = ("Client-Cert", "SSL-Client-Cert", "X-Client-Cert", "X-WSO2-CLIENT-CERTIFICATE", "My-Own-Header")


@attrs.frozen
class Seen(Endpoint):
    """Answers with the header fields that it gets."""

    async def send(self, exchange: Exchange) -> Response:
        return Response(200, body=b"\n".join(b": ".join(pair) for pair in exchange.request.headers.raw()))


def text(*, tls: str | None = TLS, header: str = "null", trusted: str = "[]", rest: str = "") -> str:
    return f"""
    management: {{enabled: false}}
    listen: [{{address: "127.0.0.1:0", tls: {tls or "null"}}}]
    trusted_proxies: {trusted}
    apis:
      - name: items
        context: /api
        endpoint: {{seen: {{}}}}
        plans: [{{name: partners, authentication: {{mtls: {{ca: [root.pem], header: {header}}}}}}}{rest}]
        operations: [{{match: GET /x}}]
    """


def call(folder: Path, configured: str, *, tls: ssl.SSLContext | None = None, **headers: str) -> Answer:
    """What comes back; over TLS if ``tls`` is what to connect with."""
    new_certificate(folder / "server.pem", folder / "server.key")
    ROOT.written(folder, "root.pem")

    async def scenario() -> Answer:
        async with serving(configured, folder, seen=Seen) as served:
            scheme = "http" if tls is None else "https"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with served.session.get(
                f"{scheme}://127.0.0.1:{served.port}/api/x", headers=named, ssl=tls if tls is not None else True
            ) as response:
                return Answer(response.status, response.headers.copy(), await response.read())

    return run(scenario())


def anonymous() -> ssl.SSLContext:
    """What a client connects with that shows no certificate and believes any server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_a_certificate_of_the_authority_comes_in(tmp_path: Path) -> None:
    assert 200 == call(tmp_path, text(), tls=SHOP.connecting(tmp_path)).status


def test_who_shows_none_is_refused_where_the_listener_does_not_insist(tmp_path: Path) -> None:
    answer = call(tmp_path, text(), tls=anonymous())

    assert (401, "900902") == (answer.status, answer.json["code"])
    assert 'ClientCertificate realm="apim"' == answer.headers["WWW-Authenticate"]


def test_who_shows_none_is_refused_where_the_listener_asks_for_none(tmp_path: Path) -> None:
    silent = text(tls="{certificate: server.pem, key: server.key}")

    assert 401 == call(tmp_path, silent, tls=SHOP.connecting(tmp_path)).status


def test_nobody_comes_in_without_tls(tmp_path: Path) -> None:
    assert 401 == call(tmp_path, text(tls=None)).status


def test_a_certificate_of_a_stranger_does_not_even_connect(tmp_path: Path) -> None:
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        call(tmp_path, text(), tls=STRANGER.connecting(tmp_path))


def test_what_the_listener_accepts_is_not_good_for_every_api(tmp_path: Path) -> None:
    other = issue("other", authority=True, days=36500)
    (tmp_path / "both.pem").write_bytes(ROOT.pem + other.pem)
    configured = text(tls=TLS.replace("root.pem", "both.pem"))

    answer = call(tmp_path, configured, tls=issue("shop", other, days=36500).connecting(tmp_path))

    assert (401, "900901") == (answer.status, answer.json["code"])


def test_an_intermediate_authority_may_vouch_alone(tmp_path: Path) -> None:
    below = issue("below", ROOT, authority=True, days=36500)
    below.written(tmp_path, "below.pem")
    configured = text().replace("root.pem", "below.pem")

    assert 200 == call(tmp_path, configured, tls=issue("deep", below, days=36500).connecting(tmp_path)).status


@pytest.mark.parametrize("listener", ["plain", "tls"])
@pytest.mark.parametrize("header", HEADERS)
def test_the_header_of_an_untrusted_hop_is_no_certificate(listener: str, header: str, tmp_path: Path) -> None:
    configured = text(header=header, tls=TLS if listener == "tls" else None)
    connecting = anonymous() if listener == "tls" else None

    for value in (quote(SHOP.pem.decode(), safe=""), f":{b64encode(SHOP.der).decode()}:"):
        answer = call(tmp_path, configured, tls=connecting, **{header: value})
        assert (401, "900902") == (answer.status, answer.json["code"])


@pytest.mark.parametrize("listener", ["plain", "tls"])
@pytest.mark.parametrize("header", HEADERS)
def test_the_header_of_a_trusted_hop_is(listener: str, header: str, tmp_path: Path) -> None:
    configured = text(header=header, tls=TLS if listener == "tls" else None, trusted='["127.0.0.0/8"]')
    connecting = anonymous() if listener == "tls" else None

    answer = call(tmp_path, configured, tls=connecting, **{header: quote(SHOP.pem.decode(), safe="")})

    assert 200 == answer.status
    assert header.lower().encode() not in answer.body.lower()


def test_the_certificate_of_a_proxy_is_not_that_of_its_client(tmp_path: Path) -> None:
    configured = text(header="Client-Cert", trusted='["127.0.0.0/8"]')

    assert 401 == call(tmp_path, configured, tls=SHOP.connecting(tmp_path)).status


@pytest.mark.parametrize("header", HEADERS)
def test_the_header_of_an_untrusted_hop_does_not_reach_the_endpoint(header: str, tmp_path: Path) -> None:
    rest = ", {name: open, authentication: {keyless: {}}}"

    answer = call(tmp_path, text(header=header, tls=None, rest=rest), **{header: "MARKED", "X-Kept": "kept"})

    assert 200 == answer.status
    assert b"kept" in answer.body
    assert b"MARKED" not in answer.body


@pytest.mark.parametrize(
    ("wrong", "code"), [("", "900902"), ("(null)", "900901"), (":MA==:", "900901"), ("MARKED", "900901")]
)
def test_a_trusted_hop_that_says_something_else_is_refused(wrong: str, code: str, tmp_path: Path) -> None:
    configured: Any = text(header="Client-Cert", tls=None, trusted='["127.0.0.0/8"]')

    answer = call(tmp_path, configured, **{"Client-Cert": wrong})

    assert (401, code) == (answer.status, answer.json["code"])
    assert b"MARKED" not in answer.body
