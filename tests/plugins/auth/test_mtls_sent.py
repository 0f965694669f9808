"""Authorities between a client's certificate and one of `ca` may come with it, and vouch only where they may."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from apim_auth.mtls import MTLS
from apim_sdk import Client, Exchange, Principal, Reject, TLSInfo
from apim_sdk.testing import FakeContext, build, make_exchange, started
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from support.client_certificates import DAY, START, Issued, issue, revocation_list

NOW = (START + 30 * DAY).timestamp()
ROOT = issue("Root", authority=True)
OTHER = issue("Root", authority=True)
MIDDLE = issue("Middle", ROOT, authority=True)
LOWER = issue("Lower", MIDDLE, authority=True)
SHOP = issue("shop", MIDDLE)
DEEP = issue("deep", LOWER)
JUNK = b"\x30\x03\x02\x01\x01"


def shown(client: Issued, *sent: Issued | bytes) -> Exchange:
    """A request on a connection on which the client has sent these."""
    others = tuple(each if isinstance(each, bytes) else each.der for each in sent)
    tls = TLSInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", certificate=client.der, sent=others)
    return make_exchange(client=Client(ip_address("203.0.113.7"), tls=tls))


def judge(folder: Path, *exchanges: Exchange, **settings: Any) -> list[Principal]:
    """Who each is, by an authenticator that trusts ROOT."""
    context = FakeContext()
    context.clock.epoch = NOW

    async def scenario() -> list[Principal]:
        plugin = build(MTLS, {"ca": [str(ROOT.written(folder, "root.pem"))], **settings})
        async with started(plugin, context):
            found = []
            for exchange in exchanges:
                credential = plugin.find(exchange)
                assert credential is not None
                found.append(plugin.judge(credential, exchange))
            return found

    return asyncio.run(scenario())


@contextmanager
def refused(because: str = "nor by an authority that is") -> Iterator[None]:
    with pytest.raises(Reject) as refusal:
        yield
    assert 401 == refusal.value.status
    assert because in (refusal.value.detail or "")


@pytest.mark.parametrize(
    ("client", "sent"),
    [
        (SHOP, [MIDDLE]),
        (SHOP, [MIDDLE, ROOT]),
        (SHOP, [OTHER, LOWER, MIDDLE]),
        (SHOP, [JUNK, MIDDLE]),
        (DEEP, [LOWER, MIDDLE]),
        (DEEP, [MIDDLE, LOWER]),
    ],
    ids=["it alone", "and the root", "among others", "beside junk", "two", "in any order"],
)
def test_who_sends_the_authorities_between_comes_in(
    client: Issued, sent: Sequence[Issued | bytes], tmp_path: Path
) -> None:
    (principal,) = judge(tmp_path, shown(client, *sent))

    assert client.certificate.subject.rfc4514_string() == principal.subject


NOT_AN_AUTHORITY = issue("client", ROOT)
EXPIRED = issue("Expired", ROOT, authority=True, days=1)
SHORT = issue("Short", ROOT, authority=True, path_length=0)
BELOW_SHORT = issue("Below", SHORT, authority=True)
OF_SERVERS = issue(
    "Servers", ROOT, authority=True, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])]
)
NO_SIGNER = issue(
    "No signer",
    ROOT,
    authority=True,
    extensions=[x509.KeyUsage(True, False, False, False, False, False, False, False, False)],
)
FOREIGN = issue("Middle", OTHER, authority=True)


@pytest.mark.parametrize(
    ("client", "sent"),
    [
        (SHOP, []),
        (SHOP, [ROOT]),
        (SHOP, [FOREIGN]),
        (SHOP, [JUNK]),
        (DEEP, [LOWER]),
        (DEEP, [MIDDLE]),
        (issue("under a client", NOT_AN_AUTHORITY), [NOT_AN_AUTHORITY]),
        (issue("under one that is over", EXPIRED), [EXPIRED]),
        (issue("too deep", BELOW_SHORT), [BELOW_SHORT, SHORT]),
        (issue("under servers", OF_SERVERS), [OF_SERVERS]),
        (issue("under no signer", NO_SIGNER), [NO_SIGNER]),
        (issue("under another", FOREIGN), [FOREIGN, OTHER]),
        (issue("by itself"), [ROOT, MIDDLE]),
    ],
    ids=lambda value: None if isinstance(value, list) else value.certificate.subject.rfc4514_string(),
)
def test_what_does_not_lead_to_an_authority_of_the_plan_vouches_for_nobody(
    client: Issued, sent: Sequence[Issued | bytes], tmp_path: Path
) -> None:
    with refused():
        judge(tmp_path, shown(client, *sent))


def test_what_another_client_sent_is_not_used(tmp_path: Path) -> None:
    with refused():
        judge(tmp_path, shown(SHOP, MIDDLE), shown(issue("second", MIDDLE)))


def test_an_authority_between_may_be_revoked(tmp_path: Path) -> None:
    (tmp_path / "root.crl").write_bytes(revocation_list(ROOT, MIDDLE))

    with refused(because="is revoked"):
        judge(tmp_path, shown(SHOP, MIDDLE), crl=[str(tmp_path / "root.crl")])


def test_they_count_for_sandbox_keys_too(tmp_path: Path) -> None:
    sandbox = {"ca": [str(OTHER.written(tmp_path, "other.pem"))]}
    client = issue("test", FOREIGN)

    assert ["production", "sandbox"] == [
        each.key_type for each in judge(tmp_path, shown(SHOP, MIDDLE), shown(client, FOREIGN), sandbox=sandbox)
    ]


# From a proxy


def field(*certificates: Issued) -> str:
    return ", ".join(f":{b64encode(each.der).decode()}:" for each in certificates)


def through(client: Issued, chain: str | list[str], *, trusted: bool = True) -> Exchange:
    fields = [("Client-Cert", field(client))]
    fields += [("Client-Cert-Chain", each) for each in ([chain] if isinstance(chain, str) else chain)]
    return make_exchange(headers=fields, client=Client(ip_address("203.0.113.7"), trusted=trusted))


@pytest.mark.parametrize("chain", [field(LOWER, MIDDLE), [field(LOWER), field(MIDDLE)]], ids=["a field", "two"])
def test_a_trusted_proxy_may_hand_them_on(chain: str | list[str], tmp_path: Path) -> None:
    (principal,) = judge(tmp_path, through(DEEP, chain), header="Client-Cert")

    assert "CN=deep" == principal.subject


@pytest.mark.parametrize(
    "chain",
    ["", "(null)", f"{field(LOWER, MIDDLE)}, what?", field(*[MIDDLE] * 9, LOWER, MIDDLE), ":" + "A" * 60_000 + ":"],
    ids=["nothing", "null", "something else", "too many", "too long"],
)
def test_a_chain_that_is_none_is_not_used(chain: str, tmp_path: Path) -> None:
    with refused():
        judge(tmp_path, through(DEEP, chain), header="Client-Cert")


def test_what_a_proxy_sent_over_tls_is_not_the_clients(tmp_path: Path) -> None:
    exchange: Exchange = through(SHOP, [])
    tls: Mapping[str, Any] = {"certificate": ROOT.der, "sent": (MIDDLE.der,)}
    exchange.client = Client(
        ip_address("203.0.113.7"), trusted=True, tls=TLSInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", **tls)
    )

    with refused():
        judge(tmp_path, exchange, header="Client-Cert")
