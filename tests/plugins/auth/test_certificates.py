"""A client's certificate is that of its connection, or what a trusted proxy says it was."""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address
from urllib.parse import quote

import pytest
from apim_auth.certificates import certificate_of, fingerprint, thumbprint
from apim_sdk import Client, Exchange, TLSInfo
from apim_sdk.testing import make_exchange
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st
from support.certificates import new_certificate

HEADER = "X-Client-Certificate"
OWN = TLSInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", certificate=b"\x30own")


def exchange(*values: str, trusted: bool = True, tls: TLSInfo | None = None) -> Exchange:
    client = Client(ip_address("203.0.113.7"), trusted=trusted, tls=tls)
    return make_exchange(headers=[(HEADER, value) for value in values], client=client)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("certificates")
    return new_certificate(folder / "cert.pem", folder / "key.pem")


def der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


FORMS = {
    "nginx, escaped": lambda pem: quote(pem, safe=""),
    "nginx, in one line": lambda pem: pem.strip().replace("\n", "\t"),
    "without line ends": lambda pem: pem.replace("\n", ""),
    "a chain": lambda pem: quote(pem + pem),
    "traefik, without its guards": lambda pem: quote("".join(pem.splitlines()[1:-1])),
    "base64 of DER": lambda pem: b64encode(der(pem)).decode(),
    "base64 of PEM": lambda pem: b64encode(pem.encode()).decode(),
    "RFC 9440": lambda pem: f":{b64encode(der(pem)).decode()}:",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_trusted_proxy_may_write_it_in_many_ways(form: str, pem: str) -> None:
    assert der(pem) == certificate_of(exchange(FORMS[form](pem)), HEADER)


@pytest.mark.parametrize(
    "value", [":", "::", ":MA==", "nothing", "%", "MA=", "-----BEGIN CERTIFICATE-----", "AAAA", "(null)", "é"]
)
def test_what_is_no_certificate_is_not_taken_for_one(value: str) -> None:
    assert b"" == certificate_of(exchange(value), HEADER)


@pytest.mark.parametrize("value", ["", " "])
def test_a_proxy_whose_client_showed_none_may_leave_the_header_empty(value: str) -> None:
    assert certificate_of(exchange(value, tls=OWN), HEADER) is None
    assert b"" == certificate_of(exchange(value, value), HEADER)


def test_two_certificates_are_none(pem: str) -> None:
    value = b64encode(der(pem)).decode()

    assert b"" == certificate_of(exchange(value, value), HEADER)


def test_the_header_of_an_untrusted_peer_is_not_looked_at(pem: str) -> None:
    value = b64encode(der(pem)).decode()

    assert certificate_of(exchange(value, trusted=False), HEADER) is None
    assert b"\x30own" == certificate_of(exchange(value, trusted=False, tls=OWN), HEADER)


def test_a_header_that_is_not_named_is_not_looked_at(pem: str) -> None:
    value = b64encode(der(pem)).decode()

    assert certificate_of(exchange(value), None) is None
    assert b"\x30own" == certificate_of(exchange(value, tls=OWN), None)


def test_the_certificate_of_a_proxy_is_never_that_of_its_client() -> None:
    assert certificate_of(exchange(tls=OWN), HEADER) is None


def test_the_thumbprint_is_the_one_of_rfc_8705(pem: str) -> None:
    certificate = x509.load_pem_x509_certificate(pem.encode())

    assert certificate.fingerprint(hashes.SHA256()).hex() == fingerprint(der(pem))
    assert 43 == len(thumbprint(der(pem)))
    assert not {"=", "+", "/"} & set(thumbprint(der(pem)))


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_whatever_stands_there_is_bytes_that_begin_like_der_or_none(value: str) -> None:
    found = certificate_of(exchange(value), HEADER)

    assert (found is None) == (not value.strip())
    assert (found or b"")[:1] in (b"", b"\x30")
