"""Threat class 8: spoofed identity and forwarding headers, underscore aliases, headers removed through Connection."""

from ipaddress import ip_address, ip_network

import pytest
from apim_sdk.testing.backend import FakeBackend
from support.gateway import api, run
from support.gateway import serving as serving_gateway
from support.wire import serving

from apim_core.http.settings import ServerSettings

SPOOFED = [
    "Forwarded: for=127.0.0.1;proto=https;host=internal",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: internal",
    "X-Forwarded-Client-Cert: By=spiffe://x;Hash=1",
    "X-Real-IP: 127.0.0.1",
    "True-Client-IP: 127.0.0.1",
    "X-Original-URL: /admin",
    "X-Rewrite-URL: /admin",
    "SSL-Client-Cert: -----BEGIN",
    "Client-Cert: :MA==:",
    "Client-Cert-Chain: :MA==:",
    "X-Client-Cert: -----BEGIN",
    "X-SSL-Client-Cert: -----BEGIN",
    "X-Forwarded-Tls-Client-Cert: MIIB",
    "X-WSO2-CLIENT-CERTIFICATE: x",
    "X-JWT-Assertion: e30.e30.",
]


def send(served, *fields):
    """What the backend gets; the answer if nothing reaches it."""
    served.seen.clear()
    lines = "".join(f"{field}\r\n" for field in fields)
    answer = served.exchange(f"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n".encode())
    return served.seen[0] if served.seen else answer


@pytest.fixture(scope="module")
def direct():
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def behind_a_proxy():
    with serving(settings=ServerSettings(trusted_proxies=(ip_network("127.0.0.0/8"),), name="test")) as served:
        yield served


@pytest.mark.parametrize("field", SPOOFED)
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_a_client_cannot_speak_for_a_proxy_or_the_gateway(direct, field, change):
    name, _, value = field.partition(": ")
    seen = send(direct, f"{change(name)}: {value}")
    assert (("Host", "a"),) == seen.headers
    assert "http" == seen.scheme
    assert "a" == seen.host


@pytest.mark.parametrize("field", SPOOFED)
def test_an_alias_with_underscores_is_refused(direct, behind_a_proxy, field):
    name, _, value = field.partition(": ")
    if "-" not in name:
        pytest.skip("has no hyphen to replace")
    for served in (direct, behind_a_proxy):
        for alias in (name.replace("-", "_"), name.replace("-", "_", 1)):
            assert send(served, f"{alias}: {value}").startswith(b"HTTP/1.1 400 ")


def test_an_alias_beside_the_true_header_is_refused(behind_a_proxy):
    answer = send(behind_a_proxy, "X-Forwarded-Proto: http", "X_Forwarded_Proto: https")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_trusted_proxy_is_believed_but_not_what_its_client_wrote(behind_a_proxy):
    seen = send(behind_a_proxy, "X-Forwarded-For: 127.0.0.1, 6.6.6.6, 192.0.2.7", "X-Forwarded-Proto: https")
    assert (ip_address("192.0.2.7"), "https") == (seen.client.address, seen.scheme)


def test_not_even_a_trusted_proxy_sets_identity_headers(behind_a_proxy):
    assert (("Host", "a"),) == send(behind_a_proxy, "X-JWT-Assertion: e30.e30.").headers


@pytest.mark.parametrize("listed", ["X-Forwarded-For", "x-forwarded-for", "Host", "Authorization", "Cookie"])
def test_connection_cannot_remove_what_the_gateway_relies_on(behind_a_proxy, listed):
    fields = ["X-Forwarded-For: 192.0.2.7", "Authorization: Bearer x", "Cookie: a=b", f"Connection: {listed}"]
    seen = send(behind_a_proxy, *fields)
    assert {"Host", "X-Forwarded-For", "Authorization", "Cookie"} == {name for name, _ in seen.headers}
    assert ip_address("192.0.2.7") == seen.client.address


def test_what_connection_lists_is_gone_before_any_policy_runs(direct):
    seen = send(direct, "Connection: X-Consumer", "X-Consumer: me", "X-Kept: 1")
    assert (("Host", "a"), ("X-Kept", "1")) == seen.headers


def test_a_backend_is_told_by_the_gateway_alone_who_calls(tmp_path):
    async def scenario():
        async with FakeBackend() as backend:
            text = api(endpoint=f'{{http: {{url: "{backend.url}"}}}}')
            async with serving_gateway(text, tmp_path) as served:
                fields = dict(field.split(": ", 1) for field in SPOOFED)
                assert 200 == (await served.call("GET", "/api/items/1", headers={**fields, "X-Kept": "1"})).status
                host = f"127.0.0.1:{served.port}"
        (request,) = backend.requests
        own = {"X-Kept": "1", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": host}
        told = {name: request.headers.get_all(name) for name in {*fields, *own}}
        assert {name: (own[name],) if name in own else () for name in told} == told

    run(scenario)
