"""Who presents a token that its server calls active comes in; the server is asked as seldom as possible."""

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
from apim_auth.oauth2 import OAuth2
from apim_sdk import (
    Client,
    Credential,
    Exchange,
    KeyManager,
    KeyManagerError,
    Principal,
    Reject,
    Secret,
    TLSInfo,
    errors,
)
from apim_sdk.testing import FakeContext, FakeKeyManager, build, make_exchange, started
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import ISSUER, NOW, claims, signed

TOKEN = "2YotnFZFEjr1zCsicMWpAA"


class Server(FakeKeyManager):
    """An authorization server that knows tokens, counts who asks and may be away."""

    def __init__(self, **answers: Mapping[str, Any]) -> None:
        super().__init__(issuer=ISSUER)
        self.answers: dict[str, Mapping[str, Any]] = dict(answers)
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def introspect(self, token: str) -> Mapping[str, Any]:
        self.asked.append(token)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.answers.get(token, {"active": False})


def active(**changes: Any) -> dict[str, Any]:
    good = {"active": True, "sub": "anna", "client_id": "shop-web", "scope": "read write", "exp": NOW + 3600}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


@attrs.frozen
class Running:
    plugin: OAuth2
    context: FakeContext
    server: Server

    async def judge(self, token: str = TOKEN, exchange: Exchange | None = None) -> Principal:
        judged = self.plugin.judge(Credential("bearer", Secret(token)), exchange or make_exchange())
        return await judged if isawaitable(judged) else judged

    async def refusal(self, token: str = TOKEN) -> Reject:
        with pytest.raises(Reject) as caught:
            await self.judge(token)
        return caught.value


@contextlib.asynccontextmanager
async def running(answer: Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[Running]:
    server = Server(**{TOKEN: answer or active()})
    context = FakeContext(key_managers={"main": server})
    context.clock.epoch = NOW
    async with started(build(OAuth2, {"key_manager": "main", **settings}), context) as plugin:
        yield Running(plugin, context, server)


def within(test: Callable[[Running], Awaitable[Any]], answer: Mapping[str, Any] | None = None, **settings: Any) -> Any:
    async def around() -> Any:
        async with running(answer, **settings) as made:
            return await test(made)

    return asyncio.run(around())


def judge(answer: Mapping[str, Any] | None = None, **settings: Any) -> Principal:
    principal: Principal = within(lambda made: made.judge(), answer, **settings)
    return principal


def refusal(answer: Mapping[str, Any] | None = None, token: str = TOKEN, **settings: Any) -> Reject:
    refused: Reject = within(lambda made: made.refusal(token), answer, **settings)
    return refused


def test_the_principal_is_who_the_server_says() -> None:
    principal = judge(active(iss=ISSUER, keytype="SANDBOX"), roles_claim="scope")

    assert ("anna", "shop-web", ISSUER, "main") == (
        principal.subject,
        principal.client_id,
        principal.issuer,
        principal.key_manager,
    )
    assert (frozenset({"read", "write"}), NOW + 3600, "sandbox") == (
        principal.scopes,
        principal.expires,
        principal.key_type,
    )
    assert "active" not in principal.claims


def test_a_token_that_does_not_say_by_whom_it_is_is_by_its_server() -> None:
    assert ISSUER == judge(active()).issuer


def test_a_token_that_never_expires_has_no_end() -> None:
    assert judge(active(exp=None)).expires is None


@pytest.mark.parametrize(
    ("given", "settings", "expected"),
    [
        ({"client_id": "a", "azp": "b"}, {}, "a"),
        ({"client_id": None, "azp": "b"}, {}, "b"),
        ({"cid": "c"}, {"client_id_claim": "cid"}, "c"),
    ],
)
def test_the_client_is_found_by_a_claim(given: dict[str, Any], settings: dict[str, Any], expected: str) -> None:
    assert expected == judge(active(**given), **settings).client_id


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"active": False}, "not active"),
        ({"active": "true"}, "not active"),
        ({"active": 1}, "not active"),
        ({"sub": "anna"}, "not active"),
        (active(exp=NOW - 30), "has expired"),
        (active(exp="never"), "no date"),
        (active(nbf=NOW + 31), "not good yet"),
        (active(iss="https://evil.example"), "by another issuer"),
        (active(sub=None, client_id=None), "neither a subject nor a client"),
        (active(scope=7), "neither text nor a list"),
        (active(cnf={"jkt": "x"}), "bound to a key"),
        (active(cnf={"x5t#S256": "x"}), "shows none"),
    ],
)
def test_a_token_that_is_not_good_now_is_refused(answer: dict[str, Any], reason: str) -> None:
    refused = refusal(answer)

    assert (errors.INVALID_CREDENTIALS, 401) == (refused.kind, refused.status)
    assert reason in (refused.detail or "")
    assert {"WWW-Authenticate": 'Bearer realm="apim", error="invalid_token"'} == refused.headers
    assert TOKEN not in f"{refused!r} {refused} {refused.detail} {refused.description}"


@pytest.mark.parametrize("given", [{"token_type": "refresh_token"}, {"typ": "Refresh"}, {"typ": "ID"}])
def test_an_active_token_that_is_no_access_token_is_refused(given: dict[str, Any]) -> None:
    assert errors.INCORRECT_TOKEN_TYPE == refusal(active(**given)).kind


def test_what_a_token_in_order_is_not_good_for_is_forbidden() -> None:
    assert errors.INVALID_AUDIENCE == refusal(active(aud=["x"]), audience=["orders"]).kind
    assert errors.INVALID_AUDIENCE == refusal(active(), audience=["orders"]).kind
    assert errors.CLAIM_MISSING == refusal(active(), required_claims={"tier": None}).kind
    assert errors.CLAIM_MISMATCH == refusal(active(), forbidden_claims=["sub"]).kind
    assert "anna" == judge(active(aud=["x", "orders"]), audience=["orders"]).subject


def test_a_bound_token_is_good_with_its_certificate() -> None:
    certificate = b"\x30\x03\x02\x01\x07"
    exchange = make_exchange(
        client=Client(ip_address("192.0.2.1"), tls=TLSInfo("TLSv1.3", "x", certificate=certificate))
    )

    async def test(made: Running) -> None:
        assert "anna" == (await made.judge(exchange=exchange)).subject
        assert "shows none" in ((await made.refusal()).detail or "")
        assert 1 == len(made.server.asked)

    within(test, active(cnf={"x5t#S256": thumbprint(certificate)}))


@pytest.mark.parametrize("token", ["a b", "a,b", "tok\u00e9n", "tok\r\nen", "=", "a=b", 'a"', "x" * 20_000])
def test_what_is_no_token_is_refused_and_nobody_asked(token: str) -> None:
    async def test(made: Running) -> None:
        assert errors.INVALID_CREDENTIALS == (await made.refusal(token)).kind
        assert [] == made.server.asked

    within(test)


@pytest.mark.parametrize(("exp", "cache", "holds"), [(NOW + 3600, "15m", 900.0), (NOW + 60, "15m", 90.0)])
def test_the_answer_holds_for_a_while_but_not_beyond_the_token(exp: float, cache: str, holds: float) -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.context.clock.advance(holds - 1)
        await made.judge()
        assert 1 == len(made.server.asked)
        made.context.clock.advance(1)
        made.server.answers[TOKEN] = {"active": False}
        assert errors.INVALID_CREDENTIALS == (await made.refusal()).kind
        assert 2 == len(made.server.asked)

    within(test, active(exp=exp), cache=cache)


def test_without_a_cache_the_server_is_asked_each_time() -> None:
    async def test(made: Running) -> None:
        for _ in range(3):
            await made.judge()
        assert 3 == len(made.server.asked)

    within(test, cache="0s")


def test_that_a_token_is_not_active_holds_for_some_seconds() -> None:
    async def test(made: Running) -> None:
        for _ in range(3):
            await made.refusal("dead")
        assert ["dead"] == made.server.asked
        made.context.clock.advance(5)
        made.server.answers["dead"] = active()
        assert "anna" == (await made.judge("dead")).subject

    within(test)


def test_that_a_token_is_for_another_audience_holds_for_some_seconds() -> None:
    async def test(made: Running) -> None:
        for _ in range(3):
            assert errors.INVALID_AUDIENCE == (await made.refusal()).kind
        assert [TOKEN] == made.server.asked
        made.context.clock.advance(5)
        made.server.answers[TOKEN] = active(aud="orders")
        assert "anna" == (await made.judge()).subject

    within(test, audience=["orders"])


def test_dead_tokens_take_bounded_memory() -> None:
    async def test(made: Running) -> None:
        for number in range(10_050):
            await made.refusal(f"dead-{number}")
        await made.refusal("dead-10049")
        assert 10_050 == len(made.server.asked)
        await made.refusal("dead-0")
        assert 10_051 == len(made.server.asked)

    within(test)


def test_requests_at_once_with_one_token_ask_once() -> None:
    async def test(made: Running) -> None:
        made.server.gate = asyncio.Event()
        crowd = [asyncio.ensure_future(made.judge()) for _ in range(50)]
        await asyncio.sleep(0)
        crowd[0].cancel()
        await asyncio.sleep(0)
        made.server.gate.set()
        outcomes = await asyncio.gather(*crowd, return_exceptions=True)

        assert isinstance(outcomes[0], asyncio.CancelledError)
        assert {"anna"} == {outcome.subject for outcome in outcomes[1:] if isinstance(outcome, Principal)}
        assert [TOKEN] == made.server.asked

    within(test)


def test_requests_at_once_with_one_dead_token_are_each_refused() -> None:
    async def test(made: Running) -> None:
        refused = await asyncio.gather(*(made.refusal("dead") for _ in range(10)))
        assert 10 == len({id(each) for each in refused})
        assert ["dead"] == made.server.asked

    within(test)


def test_only_so_many_tokens_are_asked_of_at_once() -> None:
    async def test(made: Running) -> None:
        made.server.gate = asyncio.Event()
        waiting = [asyncio.ensure_future(made.refusal(f"t-{number}")) for number in range(1000)]
        await asyncio.sleep(0)
        assert (errors.PLAN_RESOLUTION_FAILURE, 503) == ((await made.refusal("more")).kind, 503)
        made.server.gate.set()
        assert {errors.INVALID_CREDENTIALS} == {refused.kind for refused in await asyncio.gather(*waiting)}

    within(test)


def test_a_snapshot_that_stops_gives_up_what_it_asks() -> None:
    async def test() -> None:
        async with running() as made:
            made.server.gate = asyncio.Event()
            waiting = asyncio.ensure_future(made.judge())
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(test())


AWAY = [ConnectionError("idp.example is away"), TimeoutError("slow"), KeyManagerError("invalid_client", status=401)]


@pytest.mark.parametrize("error", AWAY)
def test_a_server_that_cannot_tell_is_a_failure_and_no_refusal(error: Exception) -> None:
    async def test(made: Running) -> None:
        made.server.error = error
        assert (errors.PLAN_RESOLUTION_FAILURE, 503) == ((await made.refusal()).kind, 503)
        made.server.error = None
        assert "anna" == (await made.judge()).subject

    within(test)


def test_a_known_token_is_no_longer_good_when_the_server_is_away_unless_told() -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.context.clock.advance(900)
        made.server.error = AWAY[0]
        assert errors.PLAN_RESOLUTION_FAILURE == (await made.refusal()).kind

    within(test)


def test_a_known_token_stays_good_for_a_while_when_the_server_is_away() -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.context.clock.advance(900)
        made.server.error = AWAY[0]
        assert "anna" == (await made.judge()).subject
        assert "anna" == (await made.judge()).subject
        assert 2 == len(made.server.asked), "it is not asked again at once"
        made.context.clock.advance(299)
        assert "anna" == (await made.judge()).subject
        made.context.clock.advance(1)
        assert errors.PLAN_RESOLUTION_FAILURE == (await made.refusal()).kind

    within(test, stale_if_error="5m")


def test_what_was_revoked_is_refused_even_when_the_server_is_away() -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.context.clock.advance(900)
        made.server.error = AWAY[0]
        made.context.revocations.revoke(TOKEN)
        assert errors.PLAN_RESOLUTION_FAILURE == (await made.refusal()).kind

    within(test, stale_if_error="5m")


def test_what_its_server_no_longer_calls_active_stays_refused_when_that_is_away() -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.context.clock.advance(900)
        made.server.answers.clear()
        assert errors.INVALID_CREDENTIALS == (await made.refusal()).kind
        made.server.error = AWAY[0]
        made.context.clock.advance(60)
        assert errors.PLAN_RESOLUTION_FAILURE == (await made.refusal()).kind

    within(test, stale_if_error="5m")


def test_a_stale_answer_never_outlives_its_token() -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.server.error = AWAY[0]
        made.context.clock.advance(90)
        assert errors.PLAN_RESOLUTION_FAILURE == (await made.refusal()).kind

    within(test, active(exp=NOW + 60), cache="10s", stale_if_error="1h")


@pytest.mark.parametrize("value", [TOKEN, "jti-1", "anna", "shop-web"])
def test_a_known_token_that_was_revoked_is_refused(value: str) -> None:
    async def test(made: Running) -> None:
        await made.judge()
        made.context.revocations.revoke(value)
        assert (await made.refusal()).detail == "the token was revoked"

    within(test, active(jti="jti-1"))


def test_a_server_can_be_asked_of_a_json_web_token() -> None:
    async def test(made: Running) -> None:
        token = signed(claims())
        made.server.answers[token] = active()
        assert "anna" == (await made.judge(token)).subject

    within(test)


def test_tokens_of_another_pattern_are_left_to_other_plans() -> None:
    plugin = build(OAuth2, {"key_manager": "main", "token_pattern": "opaque-[a-z]+"})

    def find(token: str) -> Credential | None:
        return plugin.find(make_exchange(headers={"Authorization": f"Bearer {token}"}))

    assert Credential("bearer", Secret("opaque-abc")) == find("opaque-abc")
    assert [None, None] == [find("opaque-abc1"), find("x.opaque-abc")]


def test_a_key_manager_that_introspects_nothing_stops_the_start() -> None:
    class Silent(FakeKeyManager):
        introspect = KeyManager.introspect

    async def start() -> None:
        async with started(build(OAuth2, {}), FakeContext(key_managers={"main": Silent(issuer=ISSUER)})):
            pass

    with pytest.raises(LookupError, match="'main' introspects no tokens"):
        asyncio.run(start())


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = [*active(), "iat", "nbf", "iss", "aud", "cnf", "typ", "keytype", "jti", "roles"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_a_server_answers_is_a_principal_or_a_refusal(answer: dict[str, Any]) -> None:
    async def test(made: Running) -> None:
        with contextlib.suppress(Reject):
            assert isinstance(await made.judge(), Principal)

    within(test, {**active(), **answer}, roles_claim="roles", audience=["orders"], required_claims={"sub": ["anna"]})


def test_without_a_name_there_must_be_one_key_manager() -> None:
    async def start(*names: str) -> str:
        context = FakeContext(key_managers={name: Server(**{TOKEN: active()}) for name in names})
        context.clock.epoch = NOW
        async with started(build(OAuth2, {}), context) as plugin:
            return (await plugin.judge(Credential("bearer", Secret(TOKEN)), make_exchange())).subject

    assert "anna" == asyncio.run(start("main"))
    with pytest.raises(LookupError, match="one of: main, other"):
        asyncio.run(start("main", "other"))
