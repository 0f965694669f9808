"""The keys of a provider come from a file, from a URL, or from where its discovery document says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from inspect import isawaitable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from apim_keymanagers.oidc import OIDC
from apim_sdk import ClientRegistration, RegisteredClient, Secret, Unsupported
from apim_sdk.testing import FakeContext, FakeFetched, build, started

ISSUER = "https://idp.example"
KEYS = {"keys": [{"kty": "RSA", "kid": "a", "n": "n", "e": "AQAB"}]}
OTHER_KEYS = {"keys": [{"kty": "RSA", "kid": "b", "n": "n", "e": "AQAB"}]}
METADATA = f"{ISSUER}/.well-known/openid-configuration"


def answer(content: Any, status: int = 200) -> FakeFetched:
    return FakeFetched(status, {}, json.dumps(content).encode())


async def ids(manager: OIDC, key_id: str | None = None) -> list[Any]:
    keys = manager.keys(key_id)
    return [key["kid"] for key in (await keys if isawaitable(keys) else keys)]


def started_with(settings: dict[str, Any], context: FakeContext) -> list[Any]:
    async def once() -> list[Any]:
        manager = build(OIDC, settings)
        async with started(manager, context):
            return await ids(manager)

    return asyncio.run(once())


def test_keys_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps(KEYS))

    assert ["a"] == started_with({"issuer": ISSUER, "jwks": {"file": str(tmp_path / "jwks.json")}}, FakeContext())


def test_keys_may_be_written_where_they_are_used() -> None:
    assert ["a"] == started_with({"issuer": ISSUER, "jwks": KEYS}, FakeContext())


def test_keys_that_are_written_and_are_none_stop_the_start() -> None:
    with pytest.raises(OSError, match="`jwks`: it has no public key"):
        started_with({"issuer": ISSUER, "jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, FakeContext())


def test_keys_come_from_a_url() -> None:
    context = FakeContext(fetches={"https://keys.example/jwks": answer(KEYS)})

    assert ["a"] == started_with({"issuer": ISSUER, "jwks": {"url": "https://keys.example/jwks"}}, context)


@pytest.mark.parametrize("issuer", [ISSUER, f"{ISSUER}/", f"{ISSUER}/tenant"])
def test_keys_come_from_where_the_discovery_document_says(issuer: str) -> None:
    metadata = {"issuer": issuer, "jwks_uri": "https://keys.example/jwks"}
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    context = FakeContext(fetches={url: answer(metadata), "https://keys.example/jwks": answer(KEYS)})

    assert ["a"] == started_with({"issuer": issuer}, context)


def test_tokens_are_by_the_issuer_that_is_configured() -> None:
    assert ISSUER == build(OIDC, {"issuer": ISSUER}).issuer


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("[]", "no JWK Set"),
        ('{"keys": []}', "has no public key"),
    ],
)
def test_a_file_without_keys_stops_the_start(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(OSError, match=reason) as caught:
        started_with({"issuer": ISSUER, "jwks": {"file": str(path)}}, FakeContext())

    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (ConnectionError("idp.example is down"), "is down"),
        (answer({}, status=500), "answers 500"),
        (answer({"issuer": "https://evil.example", "jwks_uri": f"{ISSUER}/jwks"}), "not the discovery document"),
        (answer([]), "not the discovery document"),
        (answer({"issuer": ISSUER}), "does not say where the keys are"),
        (answer({"issuer": ISSUER, "jwks_uri": "http://keys.example/jwks"}), "jwks_uri is no URL that"),
        (FakeFetched(200, {}, b"<html>"), "Expecting value"),
    ],
)
def test_a_provider_that_does_not_answer_well_is_warned_of_and_asked_again(metadata: Any, reason: str) -> None:
    async def recover() -> None:
        fetches: dict[str, Any] = {METADATA: metadata}
        context = FakeContext(fetches=fetches)
        manager = build(OIDC, {"issuer": ISSUER})
        async with started(manager, context):
            assert ["A key manager starts without keys"] == [line.event for line in context.log.lines]
            assert reason in context.log.lines[0].facts["error"]
            with pytest.raises(OSError, match=reason):
                await ids(manager, "a")
            context.clock.advance(5.0)
            fetches[METADATA] = answer({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})
            fetches[f"{ISSUER}/jwks"] = answer(KEYS)
            assert ["a"] == await ids(manager, "a")

    asyncio.run(recover())


def test_a_reload_keeps_the_keys_without_asking_for_them() -> None:
    async def reload() -> None:
        url = f"{ISSUER}/jwks"
        context = FakeContext(fetches={url: answer(KEYS)})
        settings = {"issuer": ISSUER, "jwks": {"url": url}}
        old, new = build(OIDC, settings), build(OIDC, settings)
        assert old == new
        assert hash(old) == hash(new)
        await old.start(context)
        await new.start(context)
        await old.stop()
        assert ["a"] == await ids(new)
        assert 1 == len(context.fetched)
        await context.close()

    asyncio.run(reload())


def test_a_reload_reads_a_file_again_and_old_and_new_agree(tmp_path: Path) -> None:
    async def reload() -> None:
        path = tmp_path / "jwks.json"
        path.write_text(json.dumps(KEYS))
        context = FakeContext()
        settings = {"issuer": ISSUER, "jwks": {"file": str(path)}}
        old, new = build(OIDC, settings), build(OIDC, settings)
        await old.start(context)
        before = old.generation
        path.write_text(json.dumps(OTHER_KEYS))
        await new.start(context)
        assert [["b"], ["b"]] == [await ids(old), await ids(new)]
        assert before + 1 == old.generation
        assert before + 1 == new.generation
        await context.close()

    asyncio.run(reload())


def test_a_new_configuration_that_is_refused_leaves_the_server_to_the_one_before() -> None:
    async def refuse() -> None:
        url = f"{ISSUER}/jwks"
        fetches = {url: answer(KEYS)}
        context, refused = FakeContext(fetches=fetches), FakeContext()
        refused._shared = context._shared
        old, new = (build(OIDC, {"issuer": ISSUER, "jwks": {"url": url}}) for _ in range(2))
        await old.start(context)
        await new.start(refused)
        with pytest.raises(OSError, match="no answer"):
            await ids(old, "b")
        await new.stop()
        context.clock.advance(61.0)
        fetches[url] = answer(OTHER_KEYS)
        assert ["b"] == await ids(old, "b")
        await old.stop()
        with pytest.raises(OSError, match="has stopped"):
            await ids(old, "c")
        await context.close()
        refused._shared = {}
        await refused.close()

    asyncio.run(refuse())


def test_fetches_and_those_that_were_withheld_are_counted() -> None:
    expected = {"fetched": 1, "failed": 5, "withheld": 2}

    async def once() -> None:
        url = f"{ISSUER}/jwks"
        fetches: dict[str, Any] = {url: answer(KEYS)}
        context = FakeContext(fetches=fetches)
        async with started(build(OIDC, {"issuer": ISSUER, "jwks": {"url": url}}), context) as manager:
            fetches[url] = ConnectionError("away")
            for number in range(7):
                with contextlib.suppress(ConnectionError):
                    await ids(manager, f"made-up-{number}")
        counted = {name: context.metrics.counters["apim_key_manager_keys", ISSUER, name] for name in expected}
        assert expected == counted

    asyncio.run(once())


def test_a_server_without_metadata_has_what_is_configured() -> None:
    settings = {"issuer": ISSUER, "jwks": {"url": f"{ISSUER}/jwks"}, "token_endpoint": f"{ISSUER}/token"}
    places = (METADATA, f"{ISSUER}/.well-known/oauth-authorization-server")
    fetches = {f"{ISSUER}/jwks": answer(KEYS), **{place: answer({}, status=404) for place in places}}

    async def once() -> None:
        async with started(build(OIDC, settings), FakeContext(fetches=fetches)) as manager:
            assert {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"} == await manager.metadata()
            with pytest.raises(Unsupported, match="no revocation_endpoint"):
                await manager.revoke("token", RegisteredClient("c", Secret("s")))
            with pytest.raises(Unsupported, match="configure `credentials`"):
                await manager.introspect("token")

    asyncio.run(once())


def test_metadata_may_be_at_another_place_and_what_is_configured_comes_before_it() -> None:
    place = "https://metadata.example/idp"
    metadata = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", "token_endpoint": f"{ISSUER}/wrong"}
    settings = {"issuer": ISSUER, "metadata_url": place, "token_endpoint": f"{ISSUER}/token"}
    context = FakeContext(fetches={place: answer(metadata), f"{ISSUER}/jwks": answer(KEYS)})

    async def once() -> None:
        async with started(build(OIDC, settings), context) as manager:
            assert {**metadata, "token_endpoint": f"{ISSUER}/token"} == await manager.metadata()
            assert ["a"] == await ids(manager)

    asyncio.run(once())


def test_a_grant_goes_to_the_server_as_it_is() -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c", "scope": "x y"}
    token = {"access_token": "t", "token_type": "Bearer", "refresh_token": "r", "id_token": "i"}
    context = FakeContext(fetches={f"{ISSUER}/jwks": answer(KEYS), f"{ISSUER}/token": answer(token)})
    settings = {"issuer": ISSUER, "jwks": {"url": f"{ISSUER}/jwks"}, "token_endpoint": f"{ISSUER}/token"}

    async def once() -> None:
        async with started(build(OIDC, settings), context) as manager:
            issued = await manager.token(form, RegisteredClient("c", Secret("s")))
            assert (Secret("r"), Secret("i")) == (issued.refresh_token, issued.id_token)
            assert ("POST", f"{ISSUER}/token", urlencode(form).encode()) == context.fetched[-1]

    asyncio.run(once())


def test_a_software_statement_is_shown_and_not_repeated() -> None:
    context = FakeContext(
        fetches={f"{ISSUER}/jwks": answer(KEYS), f"{ISSUER}/register": answer({"client_id": "c"}, status=201)}
    )
    settings = {
        "issuer": ISSUER,
        "jwks": {"url": f"{ISSUER}/jwks"},
        "registration_endpoint": f"{ISSUER}/register",
        "registration": {"software_statement": "its.signed.text"},
    }

    async def once() -> None:
        async with started(build(OIDC, settings), context) as manager:
            made = await manager.register(ClientRegistration("shop"))
            assert "its.signed.text" == json.loads(context.fetched[-1][2] or b"")["software_statement"]
            assert "its.signed.text" not in f"{made!r} {manager!r}"

    asyncio.run(once())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"issuer": ISSUER, "token_endpoint": "http://idp.example/token"}, "`token_endpoint`.*weaker"),
        ({"issuer": ISSUER, "refresh": "0s"}, "refresh"),
        ({"issuer": ISSUER, "metadata_url": "/metadata"}, "`metadata_url`"),
        ({"issuer": ISSUER, "jwks": {"url": "http://idp.example/jwks"}}, "jwks.*weaker"),
        ({"issuer": ISSUER, "signed_introspection": True}, "for whom the answers are signed"),
        ({"issuer": ISSUER, "claim_mapping": {"x": "exp"}}, "'exp'"),
        ({}, "issuer"),
        ({"issuer": "idp.example"}, "is no issuer"),
        ({"issuer": ISSUER, "jwks": {}}, "say where the keys are"),
        ({"issuer": ISSUER, "jwks": {"file": "a", "url": "https://b"}}, "say where the keys are"),
    ],
)
def test_settings_that_name_no_provider_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        build(OIDC, settings)
