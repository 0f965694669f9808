"""Who presents a token with a proof of its key, made for just this request and never seen before, comes in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from inspect import isawaitable
from ipaddress import ip_address
from typing import Any

import attrs
import pytest
from apim_auth.certificates import thumbprint
from apim_auth.dpop import DPoP
from apim_sdk import Client, Credential, Exchange, Headers, Principal, Reject, Secret, TLSInfo, errors
from apim_sdk.testing import FakeContext, FakeKeyManager, FakeStore, build, make_exchange, make_response, started
from hypothesis import given
from hypothesis import strategies as st
from support.proofs import URL, bound, jkt, jwk, proof
from support.tokens import ISSUER, NOW, claims, key, public, signed

CHALLENGE = 'DPoP realm="apim", algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"'


class Server(FakeKeyManager):
    """Knows JSON Web Tokens by their signature, and opaque ones."""

    async def introspect(self, token: str) -> Mapping[str, Any]:
        return {"active": token == "opaque", "sub": "anna", "client_id": "shop-web", "cnf": {"jkt": jkt()}}


def get(
    token: str,
    *proofs: str,
    scheme: str = "DPoP",
    line: str = "GET /orders",
    host: str = "api.example",
    client: Client | str = "203.0.113.7",
) -> Exchange:
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", each) for each in proofs)]
    return make_exchange(line, headers, host=host, scheme="https", client=client)


@attrs.frozen
class Running:
    plugin: DPoP
    context: FakeContext

    async def judge(self, exchange: Exchange) -> Principal:
        credential = self.plugin.find(exchange)
        assert credential is not None
        judged = self.plugin.judge(credential, exchange)
        return await judged if isawaitable(judged) else judged

    async def refusal(self, exchange: Exchange) -> Reject:
        with pytest.raises(Reject) as caught:
            await self.judge(exchange)
        return caught.value


def fake_context(**stores: FakeStore) -> FakeContext:
    made = FakeContext(key_managers={"main": Server(public(), issuer=ISSUER)}, stores=stores)
    made.clock.epoch = NOW
    return made


JWT = {"jwt": {"key_manager": "main"}}
OAUTH2 = {"oauth2": {"key_manager": "main"}}


@contextlib.asynccontextmanager
async def running(context: FakeContext | None = None, **settings: Any) -> AsyncIterator[Running]:
    made = context or fake_context()
    async with started(build(DPoP, settings if "oauth2" in settings else {**JWT, **settings}), made) as plugin:
        yield Running(plugin, made)


def within(test: Callable[[Running], Awaitable[Any]], *, context: FakeContext | None = None, **settings: Any) -> Any:
    async def around() -> Any:
        async with running(context, **settings) as made:
            return await test(made)

    return asyncio.run(around())


def judge(exchange: Exchange, **settings: Any) -> Principal:
    principal: Principal = within(lambda made: made.judge(exchange), **settings)
    return principal


def refusal(exchange: Exchange, error: str = "invalid_dpop_proof", **settings: Any) -> str:
    """The reason for a refusal, which is a 401 with this error in its challenge."""
    refused: Reject = within(lambda made: made.refusal(exchange), **settings)
    assert (errors.INVALID_CREDENTIALS, 401) == (refused.kind, refused.status)
    assert f'{CHALLENGE}, error="{error}"' == refused.headers["WWW-Authenticate"]
    return refused.detail or ""


TOKEN = bound()


def test_a_token_with_a_proof_of_its_key_comes_in() -> None:
    principal = judge(get(TOKEN, proof(TOKEN)))

    assert ("anna", "shop-web", "main") == (principal.subject, principal.client_id, principal.key_manager)


def test_an_opaque_token_with_a_proof_of_its_key_comes_in() -> None:
    assert "anna" == judge(get("opaque", proof("opaque")), **OAUTH2).subject
    assert "not active" in refusal(get("other", proof("other")), "invalid_token", **OAUTH2)


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP "])
def test_the_scheme_is_written_in_any_case(scheme: str) -> None:
    assert "anna" == judge(get(TOKEN, proof(TOKEN), scheme=scheme)).subject


@pytest.mark.parametrize("value", ["Bearer x", "DPoP", "DPoP ", "DPoPx y", ""])
def test_another_credential_is_not_found(value: str) -> None:
    exchange = make_exchange(headers={"Authorization": value, "DPoP": "x"})

    assert build(DPoP, JWT).find(exchange) is None


def test_the_credential_is_the_token() -> None:
    assert Credential("dpop", Secret("t.o.k")) == build(DPoP, JWT).find(get("t.o.k"))


@pytest.mark.parametrize(
    ("header", "changes", "reason"),
    [
        ({"typ": "JWT"}, {}, "does not say that it is one"),
        ({"typ": None}, {}, "does not say that it is one"),
        ({"alg": "none"}, {}, "'none' is not accepted"),
        ({"alg": "HS256"}, {}, "'HS256' is not accepted"),
        ({"alg": "RS256"}, {}, "does not fit its algorithm"),
        ({"alg": "ES384"}, {}, "does not fit its algorithm"),
        ({"jwk": None}, {}, "one public key"),
        ({"jwk": "x"}, {}, "one public key"),
        ({"jwk": key("client").as_dict(private=True)}, {}, "one public key"),
        ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, {}, "one public key"),
        ({"jwk": {"kty": "oct"}}, {}, "of no kind that is known"),
        ({"jwk": {"kty": []}}, {}, "of no kind that is known"),
        ({"jwk": {"kty": "EC", "crv": "P-256", "x": 7, "y": 8}}, {}, "of no kind that is known"),
        ({"jwk": jwk("evil")}, {}, "another key than the one that the token is bound to"),
        ({"jku": "https://evil.example"}, {}, "brings its own key (jku)"),
        ({"x5c": []}, {}, "brings its own key (x5c)"),
        ({"crit": ["jwk"]}, {}, "asks for an extension"),
        ({}, {"htm": "POST"}, "another method"),
        ({}, {"htm": "get"}, "another method"),
        ({}, {"htm": None}, "another method"),
        ({}, {"htu": "https://api.example/other"}, "another URL"),
        ({}, {"htu": "https://other.example/orders"}, "another URL"),
        ({}, {"htu": "http://api.example/orders"}, "another URL"),
        ({}, {"htu": "https://api.example/ORDERS"}, "another URL"),
        ({}, {"htu": "https://api.example:8443/orders"}, "another URL"),
        ({}, {"htu": "https://user@api.example/orders"}, "another URL"),
        ({}, {"htu": "https://api.example/orders%2F"}, "another URL"),
        ({}, {"htu": "/orders"}, "another URL"),
        ({}, {"htu": "https://[api.example/orders"}, "another URL"),
        ({}, {"htu": None}, "another URL"),
        ({}, {"htu": ["x"]}, "htu is no text"),
        ({}, {"ath": "x"}, "another token"),
        ({}, {"ath": None}, "another token"),
        ({}, {"ath": "\u00e9"}, "another token"),
        ({}, {"jti": None}, "does not say which one it is"),
        ({}, {"jti": 7}, "jti is no text"),
        ({}, {"jti": "x" * 257}, "does not say which one it is"),
        ({}, {"iat": None}, "does not say which one it is"),
        ({}, {"iat": "now"}, "iat is no date"),
        ({}, {"iat": NOW - 60}, "not of now"),
        ({}, {"iat": NOW + 11}, "not of now"),
        ({}, {"pad": "x" * 9000}, "longer than 8192"),
    ],
)
def test_a_proof_that_is_not_good_is_refused(header: dict[str, Any], changes: dict[str, Any], reason: str) -> None:
    good = proof(TOKEN)
    made = proof(TOKEN, {name: value for name, value in header.items() if name != "alg"}, **changes)
    if "alg" in header:
        made = resigned(made, header["alg"])

    assert made != good
    assert reason in refusal(get(TOKEN, made))


def resigned(text: str, algorithm: str) -> str:
    """The proof with another algorithm in its header; its signature no longer matters."""
    from support.tokens import part

    header = {"alg": algorithm, "typ": "dpop+jwt", "jwk": jwk()}
    return ".".join([part(header), *text.split(".")[1:]])


def test_a_proof_whose_signature_is_by_another_key_is_refused() -> None:
    header, payload, _ = proof(TOKEN).split(".")
    other = proof(TOKEN, {"jwk": jwk()}, name="evil").split(".")

    assert "signature of the proof is wrong" in refusal(get(TOKEN, ".".join(other)))
    assert "signature of the proof is wrong" in refusal(get(TOKEN, f"{header}.{payload}.{other[2]}"))


CONTENT: st.SearchStrategy[Any] = (
    st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2)
)


@given(
    st.dictionaries(st.sampled_from(["typ", "jwk", "kid", "crit"]), CONTENT, max_size=2),
    st.dictionaries(st.sampled_from(["htm", "htu", "ath", "jti", "iat", "nonce"]), CONTENT, min_size=1, max_size=2),
)
def test_whatever_a_proof_says_it_is_accepted_or_refused_in_order(
    header: dict[str, Any], changes: dict[str, Any]
) -> None:
    with contextlib.suppress(Reject):
        assert "anna" == judge(get(TOKEN, proof(TOKEN, header, **changes)), nonce="nonce" in changes).subject


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=80))
def test_what_is_no_proof_is_refused_in_order(text: str) -> None:
    headers = Headers.from_raw([(b"Authorization", f"DPoP {TOKEN}".encode()), (b"DPoP", text.encode("latin-1"))])
    assert refusal(make_exchange("GET /orders", headers, host="api.example", scheme="https"))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_a_url_in_normal_form_stays_as_it_is(text: str) -> None:
    from apim_auth.dpop_proof import normal_url

    once = normal_url(f"https://api.example/{text}")
    assert once == normal_url(once)


def test_a_proof_for_another_token_is_refused() -> None:
    assert "another token" in refusal(get(TOKEN, proof(bound(jti="other"))))


def test_somebody_with_another_key_cannot_use_the_token() -> None:
    assert "another key" in refusal(get(TOKEN, proof(TOKEN, name="evil")))


def test_there_must_be_one_proof() -> None:
    assert "there are 0 proofs" in refusal(get(TOKEN))
    assert "there are 2 proofs" in refusal(get(TOKEN, proof(TOKEN), proof(TOKEN)))
    assert "three parts" in refusal(get(TOKEN, ""))


@pytest.mark.parametrize("cnf", [None, {"x5t#S256": "x"}])
def test_a_token_that_is_bound_to_no_key_is_refused(cnf: Any) -> None:
    token = signed(claims(cnf=cnf))

    assert "not bound to a key" in refusal(get(token, proof(token)), "invalid_token")


def test_a_token_that_is_no_good_is_refused_whatever_the_proof() -> None:
    token = bound(exp=NOW - 100)

    assert "expired" in refusal(get(token, proof(token)), "invalid_token")


def test_a_token_for_another_audience_is_forbidden() -> None:
    settings = {"jwt": {"key_manager": "main", "audience": ["stock"]}}
    refused: Reject = within(lambda made: made.refusal(get(TOKEN, proof(TOKEN))), **settings)

    assert (errors.INVALID_AUDIENCE, {}) == (refused.kind, refused.headers)


def test_a_token_that_is_bound_to_a_certificate_too_needs_both() -> None:
    certificate = b"\x30\x03\x02\x01\x07"
    token = signed(claims(cnf={"jkt": jkt(), "x5t#S256": thumbprint(certificate)}))
    client = Client(ip_address("192.0.2.1"), tls=TLSInfo("TLSv1.3", "x", certificate=certificate))

    assert "anna" == judge(get(token, proof(token), client=client)).subject
    assert "shows none" in refusal(get(token, proof(token)))


@pytest.mark.parametrize("ahead", [-59, 0, 10])
def test_clocks_may_be_a_little_apart(ahead: float) -> None:
    assert "anna" == judge(get(TOKEN, proof(TOKEN, iat=NOW + ahead))).subject


@pytest.mark.parametrize(
    ("htu", "line"),
    [
        (f"{URL}?page=2#x", "GET /orders?page=1"),
        ("HTTPS://API.example:443/orders", "GET /orders"),
        ("https://api.example/%6frders", "GET /orders"),
        ("https://api.example/a/../orders", "GET /orders"),
        ("https://api.example/./orders", "GET /orders"),
        ("https://api.example/caf%c3%a9", "GET /caf%C3%A9"),
        ("https://api.example", "GET /"),
        ("https://api.example/a/.", "GET /a/"),
        ("https://api.example/a/b/..", "GET /a/"),
    ],
)
def test_one_url_has_several_spellings(htu: str, line: str) -> None:
    assert "anna" == judge(get(TOKEN, proof(TOKEN, htu=htu), line=line)).subject


@pytest.mark.parametrize("base", ["https://gateway.example", "https://gateway.example/"])
def test_the_base_url_counts_and_not_the_host_that_the_client_chose(base: str) -> None:
    good = proof(TOKEN, htu="https://gateway.example/orders")

    assert "anna" == judge(get(TOKEN, good, host="internal:8080"), base_url=base).subject
    assert "another URL" in refusal(get(TOKEN, proof(TOKEN), host="api.example"), base_url=base)


def test_a_proof_is_good_once() -> None:
    async def test(made: Running) -> None:
        seen = proof(TOKEN)
        await made.judge(get(TOKEN, seen))
        assert "seen before" in ((await made.refusal(get(TOKEN, seen))).detail or "")
        made.context.clock.advance(59)
        assert "seen before" in ((await made.refusal(get(TOKEN, seen))).detail or "")
        assert "anna" == (await made.judge(get(TOKEN, proof(TOKEN)))).subject

    within(test)


def test_a_proof_that_is_ahead_of_the_clock_is_good_once_until_it_is_over() -> None:
    async def test(made: Running) -> None:
        seen = proof(TOKEN, iat=NOW + 10)
        made.context.clock.advance(0)
        await made.judge(get(TOKEN, seen))
        for _ in range(69):
            made.context.clock.advance(1)
            assert "seen before" in ((await made.refusal(get(TOKEN, seen))).detail or "")

    within(test)


def test_the_proof_of_one_client_does_not_use_up_that_of_another() -> None:
    async def test(made: Running) -> None:
        other = bound("second")
        await made.judge(get(TOKEN, proof(TOKEN, jti="same")))
        await made.judge(get(other, proof(other, name="second", jti="same")))

    within(test)


@contextlib.asynccontextmanager
async def reloaded(context: FakeContext, before: Running, **settings: Any) -> AsyncIterator[Running]:
    """The plugin of the next configuration, which starts before that of the last one stops."""
    plugin = build(DPoP, {**JWT, **settings})
    await plugin.start(context)
    await before.plugin.stop()
    yield Running(plugin, context)
    await plugin.stop()


@pytest.mark.parametrize("stored", [False, True], ids=["here", "in a store"])
@pytest.mark.parametrize("changes", [{}, {"lifetime": "5m"}, {"lifetime": "50s"}, {"leeway": "0s"}, {"max_proofs": 9}])
def test_a_proof_stays_used_over_a_reload(changes: dict[str, Any], stored: bool) -> None:
    async def reload() -> None:
        context = fake_context()
        context.stores = {"main": FakeStore(context.clock.now)}
        store = {"store": "main"} if stored else {}
        async with running(context, **store) as before:
            seen = proof(TOKEN)
            await before.judge(get(TOKEN, seen))
            async with reloaded(context, before, **store, **changes) as after:
                for _ in range(80):
                    await after.refusal(get(TOKEN, seen))
                    context.clock.advance(1)

    asyncio.run(reload())


@pytest.mark.parametrize("stored", [False, True], ids=["here", "in a store"])
def test_a_longer_lifetime_brings_no_proof_back(stored: bool) -> None:
    async def reload() -> None:
        context = fake_context()
        context.stores = {"main": FakeStore(context.clock.now)}
        store = {"store": "main"} if stored else {}
        async with running(context, lifetime="30s", leeway="0s", **store) as before:
            seen = proof(TOKEN)
            await before.judge(get(TOKEN, seen))
            context.clock.advance(10)
            async with (
                reloaded(context, before, lifetime="60s", leeway="0s", **store) as between,
                reloaded(context, between, lifetime="5m", leeway="0s", **store) as after,
            ):
                for _ in range(300):
                    await after.refusal(get(TOKEN, seen))
                    context.clock.advance(1)

    asyncio.run(reload())


def test_a_longer_lifetime_is_that_of_proofs_that_are_made_under_it() -> None:
    async def reload() -> None:
        context = fake_context()
        async with running(context, lifetime="30s") as before:
            context.clock.advance(20)
            async with reloaded(context, before, lifetime="5m") as after:
                assert "anna" == (await after.judge(get(TOKEN, proof(TOKEN)))).subject
                context.clock.advance(40)
                made = proof(TOKEN, iat=NOW + 60)
                context.clock.advance(200)
                assert "anna" == (await after.judge(get(TOKEN, made))).subject
                assert "not of now" in ((await after.refusal(get(TOKEN, proof(TOKEN)))).detail or "")

    asyncio.run(reload())


def test_what_is_remembered_gets_less_with_the_lifetime() -> None:
    async def reload() -> None:
        context = fake_context()
        async with running(context, lifetime="1h") as before:
            await before.judge(get(TOKEN, proof(TOKEN)))
            async with reloaded(context, before, lifetime="10s", leeway="0s", max_proofs=1) as after:
                context.clock.advance(10)
                assert 503 == (await after.refusal(get(TOKEN, proof(TOKEN, iat=NOW + 10)))).status
                context.clock.advance(10)
                assert "anna" == (await after.judge(get(TOKEN, proof(TOKEN, iat=NOW + 20)))).subject

    asyncio.run(reload())


@pytest.mark.parametrize("stored", [False, True], ids=["here", "in a store"])
def test_a_proof_may_be_judged_for_several_plans_of_one_request(stored: bool) -> None:
    async def test(made: Running) -> None:
        exchange = get(TOKEN, proof(TOKEN))
        for _ in range(2):
            assert "anna" == (await made.judge(exchange)).subject

    within(test, context=fake_context(main=FakeStore()), **({"store": "main"} if stored else {}))


def test_where_there_is_no_room_for_another_proof_it_is_refused_and_counted() -> None:
    async def test(made: Running) -> None:
        for _ in range(2):
            await made.judge(get(TOKEN, proof(TOKEN)))
        refused = await made.refusal(get(TOKEN, proof(TOKEN)))
        assert (errors.PLAN_RESOLUTION_FAILURE, 503) == (refused.kind, refused.status)
        assert 1 == made.context.metrics.counters[("apim_dpop_full_total",)]
        made.context.clock.advance(140)
        assert "anna" == (await made.judge(get(TOKEN, proof(TOKEN, iat=NOW + 140)))).subject

    within(test, max_proofs=2)


def test_a_proof_that_one_gateway_saw_is_no_good_at_another() -> None:
    async def two() -> None:
        store = FakeStore()
        seen = proof(TOKEN)
        async with running(fake_context(main=store), store="main") as first:
            await first.judge(get(TOKEN, seen))
        async with running(fake_context(main=store), store="main") as second:
            assert "seen before" in ((await second.refusal(get(TOKEN, seen))).detail or "")
            await second.judge(get(TOKEN, proof(TOKEN)))

    asyncio.run(two())


@pytest.mark.parametrize(("mode", "first", "again"), [("closed", 503, 503), ("open", 200, 200), ("local", 200, 401)])
def test_what_becomes_of_proofs_while_the_store_is_away(mode: str, first: int, again: int) -> None:
    async def test(made: Running) -> list[int]:
        store.away = True
        seen = proof(TOKEN)
        statuses = []
        for _ in range(2):
            try:
                await made.judge(get(TOKEN, seen))
                statuses.append(200)
            except Reject as refused:
                statuses.append(refused.status)
        return statuses

    store = FakeStore()
    assert [first, again] == within(test, context=fake_context(main=store), store="main", on_store_error=mode)


def test_a_proof_that_the_store_was_told_of_is_known_while_it_is_away() -> None:
    async def test(made: Running) -> str:
        seen = proof(TOKEN)
        await made.judge(get(TOKEN, seen))
        store.away = True
        return (await made.refusal(get(TOKEN, seen))).detail or ""

    store = FakeStore()
    assert "seen before" in within(test, context=fake_context(main=store), store="main", on_store_error="local")


def test_an_opaque_token_and_a_store_may_both_have_to_be_waited_for() -> None:
    assert (
        "anna"
        == judge(get("opaque", proof("opaque")), context=fake_context(main=FakeStore()), store="main", **OAUTH2).subject
    )


def test_the_next_nonce_comes_with_a_good_answer_before_it_is_needed() -> None:
    async def test(made: Running) -> None:
        token = bound(exp=NOW + 3600)
        first = (await made.refusal(get(token, proof(token)))).headers["DPoP-Nonce"]
        handed_out = []
        for seconds in (0, 300):
            made.context.clock.advance(seconds)
            exchange = get(token, proof(token, nonce=first, iat=NOW + seconds))
            await made.judge(exchange)
            exchange.response = make_response()
            for callback in exchange._afters:
                callback(exchange)
            handed_out.append(exchange.response.headers.get("DPoP-Nonce"))
        assert (None, False) == (handed_out[0], handed_out[1] in (None, first))

    within(test, nonce=True)


def test_a_nonce_is_handed_out_and_then_required() -> None:
    async def test(made: Running) -> None:
        token = bound(exp=NOW + 3600)
        refused = await made.refusal(get(token, proof(token)))
        assert f'{CHALLENGE}, error="use_dpop_nonce"' == refused.headers["WWW-Authenticate"]
        nonce = refused.headers["DPoP-Nonce"]

        await made.judge(get(token, proof(token, nonce=nonce)))
        made.context.clock.advance(300)
        await made.judge(get(token, proof(token, nonce=nonce, iat=NOW + 300)))
        made.context.clock.advance(300)
        refused = await made.refusal(get(token, proof(token, nonce=nonce, iat=NOW + 600)))
        assert nonce != refused.headers["DPoP-Nonce"]

    within(test, nonce=True)


@pytest.mark.parametrize("nonce", ["", "x", "\u00e9", 7])
def test_a_nonce_that_was_made_up_is_refused(nonce: Any) -> None:
    assert refusal(
        get(TOKEN, proof(TOKEN, nonce=nonce)),
        "use_dpop_nonce" if nonce in ("x", "\u00e9") else "invalid_dpop_proof",
        nonce=True,
    )


def test_all_who_have_the_secret_accept_each_others_nonces() -> None:
    async def two() -> None:
        nonces = []
        for secret in ("secret of all nodes", "secret of all nodes", "secret of another"):
            async with running(nonce=True, nonce_secret=secret) as made:
                nonces.append((await made.refusal(get(TOKEN, proof(TOKEN)))).headers["DPoP-Nonce"])
        assert (nonces[0], True) == (nonces[1], nonces[0] != nonces[2])

    asyncio.run(two())


def test_a_token_that_was_revoked_is_refused() -> None:
    async def test(made: Running) -> None:
        await made.judge(get(TOKEN, proof(TOKEN)))
        made.context.revocations.revoke("anna")
        assert "the token was revoked" == (await made.refusal(get(TOKEN, proof(TOKEN)))).detail

    within(test)


def test_the_endpoint_sees_neither_token_nor_proof() -> None:
    exchange = get(TOKEN, "proof", "another")
    build(DPoP, JWT).conceal(exchange)
    assert [] == list(exchange.request.headers.items())

    exchange = get(TOKEN, "proof")
    build(DPoP, {**JWT, "forward": True}).conceal(exchange)
    assert 2 == len(exchange.request.headers)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "how tokens are judged"),
        ({**JWT, **OAUTH2}, "how tokens are judged"),
        ({"jwt": {"key_manager": "main", "query": "token"}}, "`query` is for bearer tokens"),
        ({"jwt": {"key_manager": "main", "bound": "refuse"}}, "`bound` is for bearer tokens"),
        ({**JWT, "base_url": "api.example"}, "no URL"),
        ({**JWT, "nonce_secret": "short"}, "too short"),
        ({**JWT, "lifetime": 0}, "lifetime"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        build(DPoP, settings)


def test_a_request_without_a_host_takes_no_proof_for_what_is_no_url() -> None:
    async def check(running: Running) -> None:
        token = bound()
        refused = await running.refusal(get(token, proof(token, htu="nowhere"), host=""))
        assert "another URL" in (refused.detail or "")

    within(check)
