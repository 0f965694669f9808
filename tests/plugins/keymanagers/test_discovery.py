"""Metadata is found at its two places, believed only if it is the issuer's own, and kept while the server is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apim_keymanagers.discovery import Discovery, NoMetadata, parse_metadata, secure_url, well_known
from apim_sdk.testing import FakeClock, FakeFetched

PROVIDERS = Path(__file__).resolve().parents[3] / "../shared/conformance/oidc-metadata"
ISSUER = "https://idp.example/tenant"
OPENID, OAUTH = well_known(ISSUER)
GOOD = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}


def answer(content: Any, status: int = 200) -> FakeFetched:
    return FakeFetched(status, {}, json.dumps(content).encode())


class Server:
    """Answers as a test says, and notes what it was asked."""

    def __init__(self) -> None:
        self.places: dict[str, Any] = {}
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, place: str) -> FakeFetched:
        self.asked.append(place)
        await self.gate.wait()
        await asyncio.sleep(0)
        found = self.places.get(place, FakeFetched(404))
        if isinstance(found, Exception):
            raise found
        return found


def with_server(scenario: Callable[[Discovery, Server, FakeClock], Any]) -> Any:
    async def once() -> Any:
        server, clock = Server(), FakeClock()
        discovery = Discovery(ISSUER, well_known(ISSUER), 600.0, clock)
        discovery.fetch = server.fetch
        return await scenario(discovery, server, clock)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("issuer", "places"),
    [
        (
            "https://idp.example",
            (
                "https://idp.example/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server",
            ),
        ),
        (
            "https://idp.example:8443/realms/shop/",
            (
                "https://idp.example:8443/realms/shop/.well-known/openid-configuration",
                "https://idp.example:8443/.well-known/oauth-authorization-server/realms/shop",
            ),
        ),
    ],
)
def test_metadata_is_behind_the_issuer_or_between_its_host_and_path(issuer: str, places: tuple[str, str]) -> None:
    assert places == well_known(issuer)


def test_the_place_of_rfc_8414_is_asked_where_the_other_has_nothing() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OAUTH] = answer(GOOD)
        assert GOOD == dict(await discovery.metadata())
        assert [OPENID, OAUTH] == server.asked

    with_server(scenario)


def test_a_server_without_metadata_says_so() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        with pytest.raises(NoMetadata, match="publishes no metadata"):
            await discovery.metadata()

    with_server(scenario)


def test_a_server_that_fails_is_not_asked_at_the_other_place() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OPENID] = FakeFetched(503)
        server.places[OAUTH] = answer(GOOD)
        with pytest.raises(ConnectionError, match="answers 503") as caught:
            await discovery.metadata()
        assert not isinstance(caught.value, NoMetadata)

    with_server(scenario)


def test_all_who_ask_at_once_share_one_fetch() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OPENID] = answer(GOOD)
        found = await asyncio.gather(*(discovery.metadata() for _ in range(50)))
        assert [GOOD] * 50 == [dict(each) for each in found]
        assert [OPENID] == server.asked

    with_server(scenario)


def test_metadata_is_asked_for_again_when_it_is_old_and_kept_if_that_fails() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OPENID] = answer(GOOD)
        await discovery.metadata()
        clock.advance(601.0)
        server.places[OPENID] = ConnectionError("away")
        assert GOOD == dict(await discovery.metadata())
        moved = {**GOOD, "token_endpoint": f"{ISSUER}/elsewhere"}
        server.places[OPENID] = answer(moved)
        assert GOOD == dict(await discovery.metadata())
        clock.advance(5.0)
        assert moved == dict(await discovery.metadata())

    with_server(scenario)


def test_nobody_but_who_asked_first_waits_for_newer_metadata() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OPENID] = answer(GOOD)
        await discovery.metadata()
        clock.advance(601.0)
        server.gate.clear()
        first = asyncio.create_task(discovery.metadata())
        await asyncio.sleep(0)
        assert GOOD == dict(await discovery.metadata())
        assert not first.done()
        server.gate.set()
        assert GOOD == dict(await first)

    with_server(scenario)


def test_a_failure_is_remembered_for_a_moment() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OPENID] = ConnectionError("away")
        for _ in range(10):
            with pytest.raises(ConnectionError, match="away"):
                await discovery.metadata()
        assert [OPENID] == server.asked

    with_server(scenario)


def test_what_turned_out_to_be_no_longer_so_is_asked_for_again() -> None:
    async def scenario(discovery: Discovery, server: Server, clock: FakeClock) -> None:
        server.places[OPENID] = answer(GOOD)
        await discovery.metadata()
        discovery.expire()
        await discovery.metadata()
        assert [OPENID, OPENID] == server.asked

    with_server(scenario)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {**GOOD, "issuer": f"{ISSUER}/"},
        {**GOOD, "issuer": "https://idp.example"},
        {**GOOD, "issuer": ISSUER.upper()},
        {**GOOD, "issuer": [ISSUER]},
        {**GOOD, "token_endpoint": "http://idp.example/token"},
        {**GOOD, "token_endpoint": "/token"},
        {**GOOD, "token_endpoint": 1},
        {**GOOD, "jwks_uri": "file:///etc/passwd"},
        {**GOOD, "introspection_endpoint": "gopher://idp.example/"},
        {**GOOD, "mtls_endpoint_aliases": {"token_endpoint": "http://idp.example/token"}},
        {**GOOD, "mtls_endpoint_aliases": []},
        [GOOD],
    ],
)
def test_a_document_that_is_not_the_issuers_or_names_weaker_endpoints_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"not the discovery document|may have|is no object"):
        parse_metadata(json.dumps(document).encode(), ISSUER, OPENID)


@pytest.mark.parametrize("document", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"issuer": NaN}', b"9" * 5000])
def test_a_document_that_is_no_json_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match="not the discovery document"):
        parse_metadata(document, ISSUER, OPENID)


@pytest.mark.parametrize(
    ("value", "issuer", "may"),
    [
        ("https://idp.example/token", "https://idp.example", True),
        ("https://tokens.example:8443/token?tenant=1", "https://idp.example", True),
        ("http://127.0.0.1:8080/token", "http://127.0.0.1:8080", True),
        ("https://idp.example/token", "http://idp.example", True),
        ("http://idp.example/token", "https://idp.example", False),
        ("https://idp.example/token#here", "https://idp.example", False),
        ("https:///token", "https://idp.example", False),
        ("https://[::1/token", "https://idp.example", False),
        ("https://idp.example:port/", "https://idp.example", False),
        ("ftp://idp.example/", "http://idp.example", False),
        (None, "https://idp.example", False),
    ],
)
def test_an_endpoint_is_a_url_no_weaker_than_the_issuer(value: Any, issuer: str, may: bool) -> None:
    assert may == secure_url(value, issuer)


@pytest.mark.skipif(not PROVIDERS.is_dir(), reason="the conformance data is not here")
def test_the_metadata_of_real_providers_is_taken() -> None:
    documents = sorted(PROVIDERS.glob("*/metadata.json"))

    assert 19 == len(documents)
    for document in documents:
        content = document.read_bytes()
        issuer = json.loads(content)["issuer"]
        assert issuer == parse_metadata(content, issuer, str(document))["issuer"]
