"""Whether a client's certificate was revoked is asked of its authority, as seldom as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import isawaitable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from apim_auth.mtls import MTLS
from apim_sdk import Client, Principal, Reject, TLSInfo
from apim_sdk.testing import FakeContext, FakeFetched, build, make_exchange, started
from cryptography.x509 import ocsp
from support.client_certificates import DAY, START, Issued, issue, status_answer

NOW = (START + 30 * DAY).timestamp()
URL = "http://ocsp.example/root"
ROOT = issue("Root", authority=True)
SHOP = issue("shop", ROOT, responder=URL)
SILENT = issue("silent", ROOT)
SELF = issue("self", responder=URL)
GOOD = FakeFetched(body=status_answer(SHOP, ROOT))
REVOKED = FakeFetched(body=status_answer(SHOP, ROOT, status=ocsp.OCSPCertStatus.REVOKED))

Scenario = Callable[[MTLS, FakeContext], Awaitable[None]]


async def judged(plugin: MTLS, certificate: Issued = SHOP) -> Principal:
    tls = TLSInfo("TLSv1.3", "TLS_AES_128_GCM_SHA256", certificate=certificate.der)
    exchange = make_exchange(client=Client(ip_address("203.0.113.7"), tls=tls))
    credential = plugin.find(exchange)
    assert credential is not None
    found = plugin.judge(credential, exchange)
    return await found if isawaitable(found) else found


def run(
    folder: Path, scenario: Scenario, answer: FakeFetched | Exception = GOOD, url: str = URL, **settings: Any
) -> FakeContext:
    """The context after a scenario with an authenticator that asks; certificates are of `ROOT`, or `SELF` itself."""
    context = FakeContext(fetches={url: answer})
    context.clock.epoch = NOW
    ROOT.written(folder, "root.pem")
    SELF.written(folder, "self.pem")
    written = {"ca": [str(folder / "root.pem")], "certificates": [str(folder / "self.pem")], "ocsp": settings}

    async def once() -> None:
        async with started(build(MTLS, written), context) as plugin:
            await scenario(plugin, context)

    asyncio.run(once())
    return context


@contextmanager
def refused(status: int, code: str, because: str = "") -> Iterator[None]:
    with pytest.raises(Reject) as refusal:
        yield
    assert (status, code) == (refusal.value.status, refusal.value.kind.code)
    assert because in (refusal.value.detail or "")


async def once(plugin: MTLS, context: FakeContext) -> None:
    assert "CN=shop" == (await judged(plugin)).subject


async def twice(plugin: MTLS, context: FakeContext) -> None:
    await once(plugin, context)
    await once(plugin, context)


def test_a_certificate_that_is_good_comes_in_and_is_asked_of_once(tmp_path: Path) -> None:
    assert [("POST", URL)] == [asked[:2] for asked in run(tmp_path, twice).fetched]


def test_a_revoked_certificate_is_refused(tmp_path: Path) -> None:
    with refused(401, "900901", "is revoked"):
        run(tmp_path, once, REVOKED)


def test_that_a_certificate_is_revoked_is_remembered_too(tmp_path: Path) -> None:
    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        for _ in range(3):
            with refused(401, "900901"):
                await judged(plugin)

    assert 1 == len(run(tmp_path, scenario, REVOKED).fetched)


def test_the_responder_may_be_configured(tmp_path: Path) -> None:
    other = "https://elsewhere.example"
    assert [other] == [asked[1] for asked in run(tmp_path, once, url=other, responder=other).fetched]


def test_an_answer_holds_for_a_while(tmp_path: Path) -> None:
    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        await once(plugin, context)
        context.clock.advance(599)
        await once(plugin, context)
        assert 1 == len(context.fetched)
        context.clock.advance(2)
        await once(plugin, context)
        assert 2 == len(context.fetched)

    run(tmp_path, scenario, cache="10m")


def test_an_answer_holds_no_longer_than_it_says(tmp_path: Path) -> None:
    brief = FakeFetched(body=status_answer(SHOP, ROOT, start=START + 29 * DAY, days=1.01))

    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        await once(plugin, context)
        context.clock.advance(0.01 * 86_400 + 1)
        with refused(503, "900900", "of another time"):
            await judged(plugin)

    assert 2 == len(run(tmp_path, scenario, brief).fetched)


FAILURES = {
    "away": ConnectionError("away"),
    "slow": TimeoutError(),
    "an error": FakeFetched(status=500),
    "no URL": ValueError("Port out of range 0-65535"),
    "no answer": FakeFetched(body=b"<html>"),
    "about another": FakeFetched(body=status_answer(SILENT, ROOT)),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_where_nothing_can_be_told_the_operator_has_said_what_happens(answer: Any, tmp_path: Path) -> None:
    with refused(503, "900900", "cannot be told"):
        run(tmp_path, once, answer)
    context = run(tmp_path, once, answer, on_error="open")
    assert 1 == context.metrics.counters[("apim_certificate_status_failures_total",)]
    assert "does not tell" in str(context.log.lines)


def test_an_authority_that_does_not_answer_is_asked_again_after_some_seconds(tmp_path: Path) -> None:
    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        for seconds, asked in ((0, 1), (4, 1), (2, 2)):
            context.clock.advance(seconds)
            with refused(503, "900900"):
                await judged(plugin)
            assert asked == len(context.fetched)

    run(tmp_path, scenario, ConnectionError("away"))


def test_a_certificate_without_a_responder_cannot_be_told_of(tmp_path: Path) -> None:
    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        with refused(503, "900900", "names no responder"):
            await judged(plugin, SILENT)

    run(tmp_path, scenario)


def test_a_certificate_that_is_listed_itself_is_nobodys_to_revoke(tmp_path: Path) -> None:
    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        assert "CN=self" == (await judged(plugin, SELF)).subject

    assert [] == run(tmp_path, scenario).fetched


def test_all_who_come_at_once_share_one_question(tmp_path: Path) -> None:
    async def scenario(plugin: MTLS, context: FakeContext) -> None:
        await asyncio.gather(*[judged(plugin) for _ in range(50)])

    assert 1 == len(run(tmp_path, scenario).fetched)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"application": True, "ocsp": {}}, "`ocsp` needs `ca`"),
        ({"ca": ["root.pem"], "ocsp": {"responder": "ocsp.example"}}, "no URL of a responder"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(Exception, match=match):
        build(MTLS, settings)
