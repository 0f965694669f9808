"""Applications as they are written: keys with what bounds them, subscriptions with states and dates, certificates."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from support.certificates import new_certificate

from apim_core.config import ConfigErrors, load
from apim_core.config import model as config
from apim_core.config.certificates import fingerprint
from apim_core.schema import configuration_schema


def application(folder: Path, rest: str) -> config.Application:
    """The application ``shop`` of a file."""
    file = folder / "apim.yaml"
    file.write_text("applications:\n  - name: shop\n" + textwrap.indent(textwrap.dedent(rest), "    "))
    (written,) = load(file, environment={}).applications
    return written


def test_a_key_may_have_a_type_an_end_and_bounds(tmp_path: Path) -> None:
    (key,) = application(
        tmp_path,
        """
        keys:
          - api-key: k
            type: sandbox
            expires: 2027-01-01T00:00:00Z
            addresses: [10.0.0.0/8, "fd00::/8"]
            referers: [www.a.com/p, "*.c.com/*", "localhost:8080/*"]
        """,
    ).keys
    assert ("api-key", "k", "sandbox") == (key.kind, key.value.reveal(), key.type)
    assert datetime(2027, 1, 1, tzinfo=UTC) == key.expires
    assert (IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8")) == key.addresses
    assert ("www.a.com/p", "*.c.com/*", "localhost:8080/*") == key.referers


def test_a_key_without_any_is_for_production_and_unbounded(tmp_path: Path) -> None:
    (key,) = application(tmp_path, "keys: [{client_id: shop}]\n").keys
    assert ("production", None, (), (), None) == (key.type, key.expires, key.addresses, key.referers, key.key_manager)


def test_a_client_id_may_be_that_of_one_key_manager(tmp_path: Path) -> None:
    file = tmp_path / "apim.yaml"
    file.write_text(
        "key_managers: {one: {oidc: {}}, two: {oidc: {}}}\n"
        "applications:\n"
        "  - {name: a, keys: [{client_id: web, key_manager: one}]}\n"
        "  - {name: b, keys: [{client_id: web, key_manager: two}, {client_id: web}]}\n"
    )
    keys = [key for each in load(file, environment={}).applications for key in each.keys]
    assert ["one", "two", None] == [key.key_manager for key in keys]


def test_a_subscription_may_have_a_state_a_key_type_dates_and_an_id(tmp_path: Path) -> None:
    (subscription,) = application(
        tmp_path,
        """
        subscriptions:
          - api: orders
            plan: gold
            state: production-blocked
            key_type: sandbox
            starts: 2026-01-01T00:00:00+01:00
            ends: 2027-01-01T00:00:00Z
            id: s-1
        """,
    ).subscriptions
    assert ("production-blocked", "sandbox", "s-1") == (subscription.state, subscription.key_type, subscription.id)
    assert datetime(2025, 12, 31, 23, tzinfo=UTC) == subscription.starts
    assert datetime(2027, 1, 1, tzinfo=UTC) == subscription.ends


def test_an_application_may_say_more_of_itself(tmp_path: Path) -> None:
    made = application(tmp_path, "owner: anna\ntenant: acme\nblocked: true\nattributes: {tier: gold}\nid: shop-1\n")
    assert ("anna", "acme", True) == (made.owner, made.tenant, made.blocked)
    assert ({"tier": "gold"}, "shop-1") == (made.attributes, made.id)


# Certificates


def test_a_certificate_is_the_hash_of_its_der_form(tmp_path: Path) -> None:
    pem = new_certificate(tmp_path / "shop.pem", tmp_path / "shop.key")
    expected = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()
    (key,) = application(tmp_path, "keys: [{certificate: shop.pem}]\n").keys
    assert ("certificate", expected) == (key.kind, key.value.reveal())


def test_a_file_is_relative_to_the_one_that_names_it_and_may_hold_more(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    pem = new_certificate(tmp_path / "apps" / "shop.pem", tmp_path / "shop.key")
    (tmp_path / "apps" / "shop.pem").write_text(f"Bag Attributes\n{pem}\n{pem}")
    (tmp_path / "apps" / "shop.yaml").write_text("applications: [{name: shop, keys: [{certificate: shop.pem}]}]\n")
    (tmp_path / "apim.yaml").write_text("include: [apps/shop.yaml]\n")
    ((key,),) = [each.keys for each in load(tmp_path / "apim.yaml", environment={}).applications]
    assert fingerprint(pem) == key.value.reveal()


@pytest.mark.parametrize("written", ["ab" * 32, "AB" * 32, ":".join(["ab"] * 32), f" {'ab' * 32}\n"])
def test_a_hash_stands_for_itself(written: str) -> None:
    assert "ab" * 32 == fingerprint(written)


@pytest.mark.parametrize(
    "text", ["", "ab", "zz" * 32, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "-----BEGIN KEY-----"]
)
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        fingerprint(text)


def test_a_file_of_bytes_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "shop.der").write_bytes(b"\x30\x82\xff")
    with pytest.raises(ConfigErrors) as caught:
        application(tmp_path, "keys: [{certificate: shop.der}]\n")
    assert "apim.yaml:3:12: the certificate cannot be read: it is no text" in str(caught.value)


# The schema


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ({"api-key": "k"}, True),
        ({"api-key": "k", "type": "sandbox", "addresses": ["10.0.0.0/8"], "expires": "2027-01-01T00:00:00Z"}, True),
        ({"client_id": "web", "key_manager": "main"}, True),
        ({"api-key": "k", "type": "test"}, False),
        ({"api-key": 1}, False),
        ({}, False),
    ],
)
def test_the_schema_knows_what_a_key_may_say(key: Any, good: bool) -> None:
    schema = configuration_schema({})
    validator = jsonschema.Draft202012Validator(schema)
    assert good == validator.is_valid({"applications": [{"name": "shop", "keys": [key]}]})
