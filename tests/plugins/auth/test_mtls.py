"""A client comes in by its certificate, if it is listed, vouched for or an application's, and in order."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_auth.mtls import MTLS
from apim_sdk import Application, ApplicationKey, Client, Exchange, Principal, Reject, TLSInfo
from apim_sdk.testing import FakeApplications, FakeContext, build, make_exchange, started
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from support.client_certificates import DAY, START, Issued, issue, revocation_list

NOW = (START + 30 * DAY).timestamp()
ROOT = issue("Root", authority=True)
BELOW = issue("Below", ROOT, authority=True)
OTHER = issue("Root", authority=True)
EDWARDS = issue("Edwards", authority=True, key=ed25519.Ed25519PrivateKey.generate())
SHOP = issue(
    x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"), x509.NameAttribute(NameOID.COMMON_NAME, "shop")]
    ),
    ROOT,
    names=[
        x509.DNSName("shop.example"),
        x509.UniformResourceIdentifier("spiffe://example/shop"),
        x509.RFC822Name("shop@example.com"),
        x509.IPAddress(ip_address("192.0.2.1")),
    ],
)
DEEP = issue("deep", BELOW)
SELF = issue("self")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, issued in {
        "root": ROOT,
        "below": BELOW,
        "other": OTHER,
        "shop": SHOP,
        "self": SELF,
        "edwards": EDWARDS,
    }.items():
        issued.written(tmp_path, f"{name}.pem")
    return tmp_path


def shown(certificate: Issued | bytes | None) -> Exchange:
    """A request on a connection whose client has shown the certificate."""
    der = certificate.der if isinstance(certificate, Issued) else certificate
    tls = TLSInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", certificate=der)
    return make_exchange(client=Client(ip_address("203.0.113.7"), tls=tls))


def in_files(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The settings, with files in the folder."""
    return {
        name: in_files(value, folder)
        if isinstance(value, Mapping)
        else [str(folder / file) for file in value]
        if name in ("ca", "certificates", "crl")
        else value
        for name, value in settings.items()
    }


async def judged(plugin: MTLS, exchange: Exchange) -> Principal:
    credential = plugin.find(exchange)
    assert credential is not None
    return plugin.judge(credential, exchange)


def judge(
    certificate: Issued | bytes | Exchange,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    now: float = NOW,
    keys: Mapping[str, ApplicationKey] = {},  # not changed
) -> Principal:
    exchange = certificate if isinstance(certificate, Exchange) else shown(certificate)
    context = FakeContext(applications=FakeApplications({("certificate", name): key for name, key in keys.items()}))
    context.clock.epoch = now

    async def once() -> Principal:
        async with started(build(MTLS, in_files(settings, folder)), context) as plugin:
            return await judged(plugin, exchange)

    return asyncio.run(once())


@contextmanager
def refused(status: int = 401, code: str = "900901", because: str = "") -> Iterator[None]:
    with pytest.raises(Reject) as refusal:
        yield
    assert (status, code) == (refusal.value.status, refusal.value.kind.code)
    assert because in (refusal.value.detail or "")
    if status == 401:
        assert {"WWW-Authenticate": 'ClientCertificate realm="apim"'} == refusal.value.headers


CA: Mapping[str, Any] = {"ca": ["root.pem"]}


def test_the_subject_of_the_certificate_is_the_principal(files: Path) -> None:
    principal = judge(SHOP, CA, files)

    assert ("CN=shop,O=Example", "CN=Root", "production") == (principal.subject, principal.issuer, principal.key_type)
    assert SHOP.certificate.not_valid_after_utc.timestamp() == principal.expires
    assert {"x5t#S256"} == set(principal.claims["cnf"])
    names = ["DNS:shop.example", "URI:spiffe://example/shop", "email:shop@example.com", "IP:192.0.2.1"]
    assert names == principal.claims["san"]


def test_a_certificate_without_a_subject_goes_by_its_first_name(files: Path) -> None:
    nameless = issue(x509.Name([]), ROOT, names=[x509.DNSName("a.example")])

    assert "DNS:a.example" == judge(nameless, CA, files).subject


@pytest.mark.parametrize(
    ("certificate", "settings"),
    [
        (SHOP, {"ca": ["root.pem"]}),
        (SHOP, {"ca": ["other.pem", "root.pem"]}),
        (DEEP, {"ca": ["root.pem", "below.pem"]}),
        (DEEP, {"ca": ["below.pem"]}),
        (SHOP, {"certificates": ["shop.pem"]}),
        (SELF, {"certificates": ["shop.pem", "self.pem"]}),
    ],
)
def test_who_is_listed_or_vouched_for_comes_in(certificate: Issued, settings: Mapping[str, Any], files: Path) -> None:
    assert certificate.certificate.subject.rfc4514_string() == judge(certificate, settings, files).subject


@pytest.mark.parametrize(
    ("certificate", "settings"),
    [
        (SELF, CA),
        (SHOP, {"ca": ["other.pem"]}),
        (DEEP, CA),
        (SHOP, {"certificates": ["root.pem"]}),
        (issue("under a client", SHOP), {"ca": ["root.pem", "shop.pem"]}),
        (issue("for servers", ROOT, usages=[ExtendedKeyUsageOID.SERVER_AUTH]), CA),
        (issue("below edwards", EDWARDS), {"ca": ["edwards.pem"]}),
    ],
    ids=lambda value: value.certificate.subject.rfc4514_string() if isinstance(value, Issued) else "",
)
def test_anybody_else_does_not(certificate: Issued, settings: Mapping[str, Any], files: Path) -> None:
    with refused(because="not among those that are listed"):
        judge(certificate, settings, files)


def test_a_key_that_is_too_short_is_refused(files: Path) -> None:
    with refused(because="1024 bits"):
        judge(issue("short", ROOT, key=rsa.generate_private_key(65537, 1024)), CA, files)


@pytest.mark.parametrize("usages", [None, [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]])
def test_a_certificate_that_is_for_anything_is_for_clients_too(usages: Any, files: Path) -> None:
    assert "CN=any" == judge(issue("any", ROOT, usages=usages), CA, files).subject


@pytest.mark.parametrize("name", ["self.pem", "root.pem"])
@pytest.mark.parametrize("now", [START.timestamp() - 1, (START + 3651 * DAY).timestamp()])
def test_a_certificate_is_good_on_its_days_only(name: str, now: float, files: Path) -> None:
    with refused(because="it is good from"):
        judge(SELF if name == "self.pem" else SHOP, {"certificates": [name], "ca": ["root.pem"]}, files, now=now)


def test_an_authority_is_good_on_its_days_only(files: Path) -> None:
    old = issue("Old", authority=True, days=10)
    old.written(files, "old.pem")

    with refused():
        judge(issue("young", old), {"ca": ["old.pem"]}, files)


STRANGE_NAME = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, bytes.fromhex("3004a3023000"))
"""An alternative name that is an X.400 address."""
TWICE = issue(
    "twice",
    ROOT,
    extensions=[
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.6"), b"\x05\x00"),
    ],
).der.replace(bytes.fromhex("06042a030406"), bytes.fromhex("06042a030405"))


@pytest.mark.parametrize(
    "der",
    [
        b"", b"\x30", b"\x30\x03abc", SHOP.der[:-1], SHOP.der + b"\x00",
        issue("strange", ROOT, extensions=[STRANGE_NAME]).der, TWICE,
        SHOP.der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"), 1),
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_refused(der: bytes, files: Path) -> None:
    with refused(because="no certificate"):
        judge(der, CA, files)


def test_a_certificate_that_was_changed_is_refused(files: Path) -> None:
    changed = bytearray(SHOP.der)
    changed[-1] ^= 1

    with refused():
        judge(bytes(changed), CA, files)


@pytest.mark.parametrize("exchange", [make_exchange(), shown(None)])
def test_without_a_certificate_there_is_no_credential(exchange: Exchange, files: Path) -> None:
    assert build(MTLS, in_files(CA, files)).find(exchange) is None


# Key types


def test_certificates_of_the_sandbox_are_sandbox_keys(files: Path) -> None:
    settings = {"ca": ["root.pem"], "sandbox": {"certificates": ["self.pem"]}}

    assert ["production", "sandbox"] == [judge(each, settings, files).key_type for each in (SHOP, SELF)]


def test_production_goes_first(files: Path) -> None:
    assert "production" == judge(SHOP, {**CA, "sandbox": {"ca": ["root.pem"]}}, files).key_type


# Applications

KEY = ApplicationKey(Application("shop", "1"), "certificate", "id-1", "sandbox")


@pytest.mark.parametrize("settings", [{}, CA])
def test_the_application_is_the_one_that_holds_the_certificate(settings: Mapping[str, Any], files: Path) -> None:
    principal = judge(SHOP, {**settings, "application": True}, files, keys={SHOP.fingerprint: KEY})

    assert ("CN=shop,O=Example", KEY.application, "sandbox") == (
        principal.subject,
        principal.application,
        principal.key_type,
    )


def test_a_certificate_that_no_application_holds_is_refused(files: Path) -> None:
    with refused(because="no application"):
        judge(SHOP, {"application": True}, files, keys={SELF.fingerprint: KEY})


def test_an_applications_certificate_must_be_vouched_for_where_somebody_has_to(files: Path) -> None:
    with refused():
        judge(SELF, {**CA, "application": True}, files, keys={SELF.fingerprint: KEY})


def test_an_applications_certificate_may_be_taken_back_bound_and_dated(files: Path) -> None:
    bound = attrs.evolve(KEY, addresses=(ip_network("192.0.2.0/24"),))

    with refused():
        judge(SELF, {"application": True}, files, keys={SELF.fingerprint: attrs.evolve(KEY, expires=NOW)})
    with refused(403, "900908"):
        judge(SELF, {"application": True}, files, keys={SELF.fingerprint: bound})


def test_a_subscription_is_asked_for_where_applications_hold_certificates(files: Path) -> None:
    assert build(MTLS, {"application": True}).requires_subscription
    assert not build(MTLS, in_files(CA, files)).requires_subscription


# Rules


@pytest.mark.parametrize(
    ("rules", "good"),
    [
        ({"subject": ["CN=shop,O=Example"]}, True),
        ({"subject": ["CN=nobody", "CN=[a-z]+,O=Example"]}, True),
        ({"subject": ["CN=shop"]}, False),
        ({"san": ["DNS:[a-z]+\\.example"]}, True),
        ({"san": ["URI:spiffe://example/.*"]}, True),
        ({"san": ["email:shop@example\\.com", "IP:10\\..*"]}, True),
        ({"san": ["DNS:shop"]}, False),
        ({"subject": ["CN=shop,O=Example"], "san": ["DNS:other"]}, False),
    ],
)
def test_rules_hold_for_the_whole_of_a_name(rules: Mapping[str, Any], good: bool, files: Path) -> None:
    if good:
        assert judge(SHOP, {**CA, **rules}, files)
    else:
        with refused(because="fit no pattern"):
            judge(SHOP, {**CA, **rules}, files)


def test_a_certificate_without_alternative_names_fits_no_rule_for_them(files: Path) -> None:
    with refused(because="fit no pattern"):
        judge(SELF, {"certificates": ["self.pem"], "san": [".*"]}, files)


# Revocation lists


def crl(folder: Path, *revoked: Issued, by: Issued = ROOT, **dates: Any) -> Mapping[str, Any]:
    (folder / "new.crl").write_bytes(revocation_list(by, *revoked, **dates))
    (folder / "new.crl").replace(folder / "root.crl")
    return {**CA, "crl": ["root.crl"]}


def test_a_revoked_certificate_is_refused(files: Path) -> None:
    with refused(because="revoked"):
        judge(SHOP, crl(files, SELF, SHOP), files)


def test_a_certificate_that_is_not_on_the_list_is_good(files: Path) -> None:
    assert judge(SHOP, crl(files, SELF), files)


def test_a_certificate_below_a_revoked_authority_is_refused(files: Path) -> None:
    settings = {**crl(files, BELOW), "ca": ["below.pem", "root.pem"]}

    with refused(because="revoked"):
        judge(DEEP, settings, files)


def test_a_list_in_der_is_read_too(files: Path) -> None:
    pem = revocation_list(ROOT, SHOP)
    (files / "root.crl").write_bytes(x509.load_pem_x509_crl(pem).public_bytes(serialization.Encoding.DER))

    with refused(because="revoked"):
        judge(SHOP, {**CA, "crl": ["root.crl"]}, files)


def test_by_a_list_that_is_out_of_date_nothing_can_be_told(files: Path) -> None:
    settings = crl(files, days=10)

    with refused(503, "900900", because="was good until"):
        judge(SHOP, settings, files)
    assert judge(SHOP, settings, files, now=(START + 9 * DAY).timestamp())


def test_a_list_that_somebody_else_has_signed_stops_the_start(files: Path) -> None:
    settings = crl(files, by=OTHER)

    with pytest.raises(ValueError, match="has signed this revocation list"):
        judge(SHOP, settings, files)


def distribution_point(*, indirect: bool = False, users: bool = False) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier("http://ca.example/root.crl")],
        relative_name=None,
        only_contains_user_certs=users,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=indirect,
        only_contains_attribute_certs=False,
    )


@pytest.mark.parametrize(
    "extension",
    [x509.DeltaCRLIndicator(1), distribution_point(indirect=True)],
    ids=["a delta", "of other authorities' certificates"],
)
def test_a_list_that_does_not_tell_by_itself_stops_the_start(extension: x509.ExtensionType, files: Path) -> None:
    settings = crl(files, extension=extension)

    with pytest.raises(ValueError, match="not read here"):
        judge(SHOP, settings, files)


def test_a_list_of_one_distribution_point_is_read(files: Path) -> None:
    settings = crl(files, SHOP, extension=distribution_point(users=True))

    with refused(because="revoked"):
        judge(SHOP, settings, files)


def test_a_list_is_read_again_when_it_has_changed(files: Path) -> None:
    context = FakeContext()
    context.clock.epoch = NOW

    async def scenario() -> None:
        async with started(build(MTLS, in_files(crl(files), files)), context) as plugin:
            assert await judged(plugin, shown(SHOP))
            crl(files, SHOP)
            async with asyncio.timeout(30):
                while await judged(plugin, shown(SHOP)):
                    await asyncio.sleep(0.01)

    with refused(because="revoked"):
        asyncio.run(scenario())


def test_a_certificate_is_looked_at_again_when_it_runs_out(files: Path) -> None:
    context = FakeContext()
    context.clock.epoch = SHOP.certificate.not_valid_after_utc.timestamp() - 1

    async def scenario() -> None:
        async with started(build(MTLS, in_files({"certificates": ["shop.pem"]}, files)), context) as plugin:
            assert await judged(plugin, shown(SHOP)) is await judged(plugin, shown(SHOP))
            context.clock.advance(2.0)
            await judged(plugin, shown(SHOP))

    with refused(because="it is good from"):
        asyncio.run(scenario())


# From a proxy


def through(*, trusted: bool, tls: TLSInfo | None = None, **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_exchange(headers=named, client=Client(ip_address("203.0.113.7"), trusted=trusted, tls=tls))


FROM_PROXY: Mapping[str, Any] = {**CA, "header": "Client-Cert"}
FIELD = f":{b64encode(SHOP.der).decode()}:"


def test_a_trusted_proxy_may_say_which_certificate_it_was(files: Path) -> None:
    assert "CN=shop,O=Example" == judge(through(trusted=True, Client_Cert=FIELD), FROM_PROXY, files).subject


def test_nobody_else_may(files: Path) -> None:
    assert build(MTLS, in_files(FROM_PROXY, files)).find(through(trusted=False, Client_Cert=FIELD)) is None


def test_a_header_of_a_proxy_that_holds_no_certificate_is_refused(files: Path) -> None:
    with refused(because="no certificate"):
        judge(through(trusted=True, Client_Cert="(null)"), FROM_PROXY, files)


@pytest.mark.parametrize(
    ("settings", "trusted", "kept"),
    [
        ({}, True, False),
        ({}, False, False),
        ({"forward": True}, True, True),
        ({"forward": True}, False, False),
    ],
)
def test_the_endpoint_sees_the_header_only_if_it_may_and_a_trusted_proxy_wrote_it(
    settings: Mapping[str, Any], trusted: bool, kept: bool, files: Path
) -> None:
    exchange = through(trusted=trusted, Client_Cert=FIELD, Client_Cert_Chain=FIELD)

    build(MTLS, in_files({**FROM_PROXY, **settings}, files)).conceal(exchange)

    assert [kept, kept] == [name in exchange.request.headers for name in ("Client-Cert", "Client-Cert-Chain")]


# Settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "say whose certificates are good"),
        ({"header": "Client-Cert"}, "say whose certificates are good"),
        ({"sandbox": {}}, "say whose certificates are good"),
        ({"application": True, "crl": ["a.crl"]}, "`crl` needs `ca`"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: Mapping[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        build(MTLS, settings)


@pytest.mark.parametrize("option", ["ca", "certificates", "crl"])
def test_a_file_that_holds_something_else_stops_the_start(option: str, files: Path) -> None:
    (files / "bad.pem").write_text("nothing")

    with pytest.raises(ValueError, match=r"bad\.pem"):
        judge(SHOP, {**CA, option: ["bad.pem"]}, files)


def test_the_fingerprint_is_the_one_that_openssl_shows() -> None:
    assert 64 == len(SHOP.fingerprint)
    assert SHOP.certificate.fingerprint(hashes.SHA256()).hex() == SHOP.fingerprint
