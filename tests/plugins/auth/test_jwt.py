"""Who presents a good token comes in; everybody else is told in which way it is not good."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

import pytest
from apim_auth.jwt import JWT
from apim_sdk import Credential, Exchange, KeyManager, Principal, Reject, Secret, errors
from apim_sdk.testing import FakeContext, FakeKeyManager, FakeRevocations, build, make_exchange, started
from support.tokens import ISSUER, NOW, claims, key, public, signed

KEYS = FakeKeyManager(public(), issuer=ISSUER)


def context(manager: KeyManager = KEYS) -> FakeContext:
    made = FakeContext(key_managers={"main": manager})
    made.clock.epoch = NOW
    return made


async def judged(plugin: JWT, token: str) -> Principal:
    credential = plugin.find(bearer(token))
    assert credential is not None
    principal = plugin.judge(credential, bearer(token))
    return await principal if isawaitable(principal) else principal


def judge(token: str, settings: Mapping[str, Any] = {}, manager: KeyManager = KEYS) -> Principal:  # not changed
    async def once() -> Principal:
        plugin = build(JWT, {"key_manager": "main", **settings})
        async with started(plugin, context(manager)):
            return await judged(plugin, token)

    return asyncio.run(once())


def refusal(token: str, settings: Mapping[str, Any] = {}, manager: KeyManager = KEYS) -> Reject:  # not changed
    with pytest.raises(Reject) as caught:
        judge(token, settings, manager)
    return caught.value


def bearer(token: str) -> Exchange:
    return make_exchange(headers={"Authorization": f"Bearer {token}"})


def test_the_principal_is_who_the_token_says() -> None:
    principal = judge(signed(claims(scope="orders.read orders.write", tier="gold")))

    assert ("anna", "shop-web", ISSUER) == (principal.subject, principal.client_id, principal.issuer)
    assert frozenset({"orders.read", "orders.write"}) == principal.scopes
    assert NOW + 300 == principal.expires
    assert "gold" == principal.claims["tier"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("scope", "a b", ["a", "b"]), ("scope", ["a", "b"], ["a", "b"]), ("scp", "a  b", ["a", "b"]), ("x", "a", [])],
)
def test_scopes_come_as_text_or_list_and_are_a_list_among_the_claims(
    name: str, value: Any, expected: list[str]
) -> None:
    principal = judge(signed(claims(**{name: value})), {"scope_claim": "scp"} if name == "scp" else {})

    assert (frozenset(expected), expected) == (principal.scopes, principal.claims["scope"])


@pytest.mark.parametrize(
    ("given", "settings", "expected"),
    [
        ({"azp": "a", "client_id": "b"}, {}, "a"),
        ({"azp": None, "client_id": "b"}, {}, "b"),
        ({"azp": "a", "appid": "c"}, {"client_id_claim": "appid"}, "c"),
        ({"azp": "a"}, {"client_id_claim": "appid"}, None),
    ],
)
def test_the_client_is_found_by_a_claim(given: dict[str, Any], settings: dict[str, Any], expected: str | None) -> None:
    assert expected == judge(signed(claims(**given)), settings).client_id


def test_a_client_that_acts_for_itself_is_the_subject() -> None:
    assert "shop-web" == judge(signed(claims(sub=None))).subject


def test_the_claims_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        judge(signed(claims())).claims["sub"] = "root"  # type: ignore[index]  # which is what is tested


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 30}, "the token has expired"),
        ({"exp": None}, "does not say when it expires"),
        ({"exp": "never"}, "the claim exp is no date"),
        ({"exp": True}, "the claim exp is no date"),
        ({"exp": 1e300}, "the claim exp is no date"),
        ({"exp": -1}, "the claim exp is no date"),
        ({"nbf": NOW + 31}, "not good yet (nbf)"),
        ({"nbf": "now"}, "the claim nbf is no date"),
        ({"iat": NOW + 31}, "not good yet (iat)"),
        ({"iss": "https://evil.example"}, "by another issuer"),
        ({"iss": None}, "by another issuer"),
        ({"iss": [ISSUER]}, "by another issuer"),
        ({"sub": None, "azp": None}, "names neither a subject nor a client"),
        ({"sub": 7}, "the claim sub is no text"),
        ({"sub": ""}, "the claim sub is no text"),
        ({"azp": ["a"]}, "the claim azp is no text"),
        ({"scope": 7}, "the claim scope is neither text nor a list"),
        ({"scope": ["a", 7]}, "the claim scope is neither text nor a list"),
    ],
)
def test_a_token_that_is_not_good_now_is_refused(changes: dict[str, Any], reason: str) -> None:
    refused = refusal(signed(claims() | changes if None not in changes.values() else claims(**changes)))

    assert errors.INVALID_CREDENTIALS == refused.kind
    assert reason in (refused.detail or "")
    assert {"WWW-Authenticate": 'Bearer realm="apim", error="invalid_token"'} == refused.headers


@pytest.mark.parametrize("changes", [{"exp": NOW - 29}, {"nbf": NOW + 30}, {"iat": NOW + 30}])
def test_clocks_may_be_a_little_apart(changes: dict[str, Any]) -> None:
    assert "anna" == judge(signed(claims(**changes))).subject


def test_a_key_manager_may_know_several_issuers() -> None:
    class Tenants(FakeKeyManager):
        def issues(self, claims: Mapping[str, Any]) -> bool:
            return str(claims.get("iss")).startswith("https://tenants.example/")

    manager = Tenants(public())

    assert "anna" == judge(signed(claims(iss="https://tenants.example/a")), manager=manager).subject
    assert "by another issuer" in (refusal(signed(claims()), manager=manager).detail or "")


def test_a_signature_by_another_key_is_refused() -> None:
    refused = refusal(signed(claims(), {"kid": "a"}, key("evil")))

    assert (errors.INVALID_CREDENTIALS, "the signature is wrong") == (refused.kind, refused.detail)


def test_the_refusal_shows_the_client_neither_reason_nor_token() -> None:
    token = signed(claims(exp=NOW - 100))
    refused = refusal(token)

    assert "expired" not in refused.description
    assert token not in f"{refused!r} {refused} {refused.detail} {refused.description}"


def test_a_key_that_is_not_known_is_refused() -> None:
    assert "no key fits" in (refusal(signed(claims(), {"kid": "b"})).detail or "")


def test_a_token_that_is_too_long_is_not_looked_at() -> None:
    refused = refusal(signed(claims(pad="x" * 20_000)))

    assert (errors.INVALID_CREDENTIALS, "the token is longer than 16KiB") == (refused.kind, refused.detail)


@pytest.mark.parametrize("audience", ["orders", ["orders"], ["other", "orders"], ["stock"]])
def test_one_audience_of_several_is_enough(audience: Any) -> None:
    assert "anna" == judge(signed(claims(aud=audience)), {"audience": ["orders", "stock"]}).subject


@pytest.mark.parametrize("audience", ["other", ["other"], [], None, 7, {"orders": 1}, "order", "orders stock"])
def test_a_token_for_another_audience_is_forbidden(audience: Any) -> None:
    refused = refusal(signed(claims(aud=audience)), {"audience": ["orders", "stock"]})

    assert (errors.INVALID_AUDIENCE, 403) == (refused.kind, refused.status)


@pytest.mark.parametrize("given", [{"tier": "gold"}, {"tier": ["silver", "gold"]}])
@pytest.mark.parametrize("wanted", ["gold", ["platinum", "gold"], {"pattern": "go.*"}, None])
def test_a_required_claim_is_as_wanted_or_holds_it(given: dict[str, Any], wanted: Any) -> None:
    assert "anna" == judge(signed(claims(**given)), {"required_claims": {"tier": wanted}}).subject


def test_a_token_that_lacks_a_required_claim_is_forbidden() -> None:
    refused = refusal(signed(claims()), {"required_claims": {"tier": "gold"}})

    assert (errors.CLAIM_MISSING, "900913", 403) == (refused.kind, refused.kind.code, refused.status)


def test_a_token_with_a_forbidden_claim_is_forbidden() -> None:
    settings = {"forbidden_claims": ["nonce", "at_hash"]}

    assert "anna" == judge(signed(claims()), settings).subject
    assert errors.CLAIM_MISMATCH == refusal(signed(claims(nonce="n")), settings).kind


@pytest.mark.parametrize(
    "settings",
    [
        {"required_claims": {"a": 1}, "forbidden_claims": ["a"]},
        {"required_claims": {"a": {"patern": "x"}}},
        {"required_claims": {"a": {"pattern": "("}}},
    ],
)
def test_requirements_that_make_no_sense_stop_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"'a'|missing"):
        build(JWT, {"key_manager": "main", **settings})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"tier": "silver"}, "gold"),
        ({"tier": []}, "gold"),
        ({"tier": 1}, True),
        ({"tier": True}, 1),
        ({"tier": "silver"}, ["gold", "platinum"]),
        ({"tier": "golden"}, {"pattern": "gold"}),
        ({"tier": 7}, {"pattern": ".*"}),
    ],
)
def test_a_token_whose_required_claim_is_another_is_forbidden(given: dict[str, Any], wanted: Any) -> None:
    refused = refusal(signed(claims(**given)), {"required_claims": {"tier": wanted}})

    assert (errors.CLAIM_MISMATCH, 403) == (refused.kind, refused.status)


@pytest.mark.parametrize("typ", [{}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": "application/AT+JWT"}])
def test_access_tokens_say_so_or_nothing(typ: dict[str, str]) -> None:
    assert "anna" == judge(signed(claims(), typ)).subject


@pytest.mark.parametrize("typ", ["dpop+jwt", "logout+jwt", "", 7, None, ["JWT"]])
def test_another_type_of_token_is_refused(typ: Any) -> None:
    header = {"typ": typ}
    if typ is None:
        assert "anna" == judge(signed(claims(), header)).subject
        return
    assert errors.INCORRECT_TOKEN_TYPE == refusal(signed(claims(), header)).kind


@pytest.mark.parametrize(
    "said",
    [
        {"typ": "ID"},
        {"token_use": "id"},
        {"at_hash": "x"},
        {"c_hash": "x"},
        {"token_type": "refresh_token"},
        {"typ": "Logout", "token_use": "access"},
    ],
)
def test_a_token_whose_claims_call_it_another_kind_is_refused(said: dict[str, Any]) -> None:
    assert errors.INCORRECT_TOKEN_TYPE == refusal(signed(claims(**said))).kind


@pytest.mark.parametrize(
    "said", [{"typ": "Bearer"}, {"token_use": "access"}, {"token_type": "access_token"}, {"typ": 7}]
)
def test_a_token_whose_claims_call_it_an_access_token_is_good(said: dict[str, Any]) -> None:
    assert "anna" == judge(signed(claims(**said))).subject


@pytest.mark.parametrize("typ", [{}, {"typ": "JWT"}])
def test_a_type_that_is_configured_is_required(typ: dict[str, str]) -> None:
    assert errors.INCORRECT_TOKEN_TYPE == refusal(signed(claims(), typ), {"types": ["at+jwt"]}).kind


class Asking(FakeKeyManager):
    """A key manager that has to ask, and may fail in it."""

    def __init__(self, *keys: Mapping[str, Any], later: bool, error: OSError | None = None) -> None:
        super().__init__(*keys, issuer=ISSUER)
        self.later = later
        self.error = error
        self.asked: list[str | None] = []

    def keys(self, key_id: str | None) -> Any:
        self.asked.append(key_id)
        if self.later:
            return self._ask(key_id)
        if self.error is not None:
            raise self.error
        return super().keys(key_id)

    async def _ask(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return super().keys(key_id)


def test_a_key_manager_may_have_to_ask() -> None:
    assert "anna" == judge(signed(claims()), manager=Asking(public(), later=True)).subject


@pytest.mark.parametrize("later", [False, True])
def test_a_key_manager_that_cannot_tell_is_a_failure_and_no_refusal(later: bool) -> None:
    refused = refusal(signed(claims()), manager=Asking(later=later, error=ConnectionError("idp.example is down")))

    assert (errors.PLAN_RESOLUTION_FAILURE, 503) == (refused.kind, refused.status)
    assert "idp.example is down" in (refused.detail or "")


def test_a_token_of_another_issuer_makes_a_key_manager_ask_for_nothing() -> None:
    manager = Asking(later=True)

    refusal(signed(claims(iss="https://evil.example"), {"kid": "x"}), manager=manager)

    assert [] == manager.asked


def test_a_token_is_verified_once() -> None:
    async def twice() -> None:
        manager = Asking(public(), later=False)
        plugin = build(JWT, {"key_manager": "main"})
        async with started(plugin, context(manager)):
            token = signed(claims())
            assert await judged(plugin, token) is await judged(plugin, token)
            assert ["a"] == manager.asked

    asyncio.run(twice())


def test_a_known_token_is_refused_when_it_has_expired() -> None:
    async def later() -> None:
        made = context()
        plugin = build(JWT, {"key_manager": "main"})
        async with started(plugin, made):
            token = signed(claims())
            await judged(plugin, token)
            made.clock.advance(329.0)
            await judged(plugin, token)
            made.clock.advance(1.0)
            with pytest.raises(Reject):
                await judged(plugin, token)

    asyncio.run(later())


def test_a_known_token_is_refused_when_its_key_has_gone() -> None:
    async def later() -> None:
        manager = FakeKeyManager(public(), issuer=ISSUER)
        plugin = build(JWT, {"key_manager": "main"})
        async with started(plugin, context(manager)):
            token = signed(claims())
            await judged(plugin, token)
            manager._keys, manager._generation = (), 2
            with pytest.raises(Reject):
                await judged(plugin, token)

    asyncio.run(later())


@pytest.mark.parametrize("value", ["jti-1", "shop-web", "anna", "the token"])
def test_a_token_that_was_revoked_is_refused_known_or_not(value: str) -> None:
    async def around() -> None:
        made = context()
        token = signed(claims(jti="jti-1"))
        async with started(build(JWT, {"key_manager": "main"}), made) as plugin:
            await judged(plugin, token)
            made.revocations.revoke(token if value == "the token" else value)
            for _ in range(2):
                with pytest.raises(Reject) as caught:
                    await judged(plugin, token)
                assert (errors.INVALID_CREDENTIALS, "the token was revoked") == (caught.value.kind, caught.value.detail)

    asyncio.run(around())


def test_what_was_revoked_is_told_with_its_facts() -> None:
    class Asked(FakeRevocations):
        facts: Mapping[str, Any] = {}

        def revoked(self, **facts: Any) -> bool:
            Asked.facts = facts
            return False

    async def once() -> None:
        made = context()
        made.revocations = Asked()
        async with started(build(JWT, {"key_manager": "main"}), made) as plugin:
            token = signed(claims(jti="jti-1"))
            await judged(plugin, token)
            expected = {
                "token_id": "jti-1",
                "token": token,
                "client_id": "shop-web",
                "subject": "anna",
                "issuer": ISSUER,
                "issued_at": NOW - 10,
            }
            assert expected == Asked.facts

    asyncio.run(once())


def test_what_was_verified_while_a_key_went_is_not_remembered() -> None:
    class Rotating(Asking):
        async def _ask(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
            keys = await super()._ask(key_id)
            self._generation += 1
            return keys

    async def later() -> None:
        manager = Rotating(public(), later=True)
        plugin = build(JWT, {"key_manager": "main"})
        async with started(plugin, context(manager)):
            for _ in range(2):
                await judged(plugin, signed(claims()))
            assert 2 == len(manager.asked)

    asyncio.run(later())


def test_a_known_token_stays_known_over_a_reload_with_the_same_settings() -> None:
    async def reload() -> list[int]:
        manager = Asking(public(), later=False)
        made = context(manager)
        token = signed(claims(sub="reload"))
        asked = []
        for settings in ({}, {}, {"audience": ["orders"]}):
            plugin = build(JWT, {"key_manager": "main", **settings})
            await plugin.start(made)
            await judged(plugin, token)
            asked.append(len(manager.asked))
        await made.close()
        return asked

    assert [1, 1, 2] == asyncio.run(reload())


def test_requests_at_once_with_one_new_token_all_get_in() -> None:
    async def crowd() -> set[str]:
        plugin = build(JWT, {"key_manager": "main"})
        async with started(plugin, context(Asking(public(), later=True))):
            token = signed(claims())
            return {
                principal.subject for principal in await asyncio.gather(*(judged(plugin, token) for _ in range(50)))
            }

    assert {"anna"} == asyncio.run(crowd())


def find(exchange: Exchange, **settings: Any) -> Credential | None:
    found: Credential | None = build(JWT, {"key_manager": "main", **settings}).find(exchange)
    return found


@pytest.mark.parametrize("value", ["Bearer t.o.k", "bearer t.o.k", "BEARER  t.o.k "])
def test_the_scheme_is_written_in_any_case(value: str) -> None:
    assert Credential("bearer", Secret("t.o.k")) == find(make_exchange(headers={"Authorization": value}))


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "", "t.o.k", "BearerX t"])
def test_another_credential_is_not_found(value: str) -> None:
    assert find(make_exchange(headers={"Authorization": value})) is None


def test_a_token_that_comes_twice_is_no_token() -> None:
    token = signed(claims())
    found = find(make_exchange(headers=[("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]))

    assert found is not None
    with pytest.raises(Reject):
        judge(found.value.reveal())


@pytest.mark.parametrize(
    ("settings", "exchange"),
    [
        ({"header": "X-Token"}, make_exchange(headers={"X-Token": "t.o.k"})),
        ({"header": "X-Token"}, make_exchange(headers={"X-Token": "Bearer t.o.k"})),
        ({"query": "access_token"}, make_exchange("GET /?a=1&access_token=t.o.k")),
        ({"cookie": "session"}, make_exchange(headers={"Cookie": "a=1; session=t.o.k"})),
        ({"query": "q", "cookie": "c"}, make_exchange("GET /?q=t.o.k", headers={"Cookie": "c=other"})),
    ],
)
def test_the_token_may_stand_elsewhere(settings: dict[str, Any], exchange: Exchange) -> None:
    assert Credential("bearer", Secret("t.o.k")) == find(exchange, **settings)


def test_the_token_is_looked_for_in_the_header_only_unless_it_is_configured() -> None:
    assert find(make_exchange("GET /?access_token=t.o.k", headers={"Cookie": "access_token=t.o.k"})) is None


def test_the_endpoint_does_not_see_the_token() -> None:
    exchange = make_exchange(
        "GET /?a=%2F&t=x.y.z",
        headers=[("Authorization", "Bearer x.y.z"), ("Cookie", "a=1; t=x.y.z; b=2"), ("Accept", "*/*")],
    )

    build(JWT, {"key_manager": "main", "query": "t", "cookie": "t"}).conceal(exchange)

    assert [("Accept", "*/*"), ("Cookie", "a=1; b=2")] == list(exchange.request.headers.items())
    assert "a=%2F" == exchange.request.query_string


def test_a_token_that_is_forwarded_stays() -> None:
    exchange = bearer("x.y.z")

    build(JWT, {"key_manager": "main", "forward": True}).conceal(exchange)

    assert "Bearer x.y.z" == exchange.request.headers["Authorization"]


def test_a_key_manager_that_is_not_there_stops_the_start() -> None:
    async def start() -> None:
        async with started(build(JWT, {"key_manager": "mian"}), context()):
            pass

    with pytest.raises(LookupError, match="main"):
        asyncio.run(start())


def test_settings_without_a_place_for_the_token_are_refused() -> None:
    with pytest.raises(Exception, match="that carries the token"):
        build(JWT, {"key_manager": "main", "header": ""})


def test_a_symmetric_algorithm_cannot_be_configured() -> None:
    with pytest.raises(Exception, match="HS256"):
        build(JWT, {"key_manager": "main", "algorithms": ["HS256"]})


# Recognised


def recognised(token: str, *exchanges: Exchange, settings: Mapping[str, Any] = {}) -> list[bool]:  # not changed
    """Of each exchange whether its token is recognised, once the token was judged and let in."""

    async def scenario() -> list[bool]:
        plugin = build(JWT, {"key_manager": "main", **settings})
        async with started(plugin, context()):
            assert plugin.recognise(bearer(token)) is None
            principal = await judged(plugin, token)
            return [plugin.recognise(each) is principal for each in exchanges]

    return asyncio.run(scenario())


def test_a_token_that_was_judged_is_recognised_and_no_other_is() -> None:
    token, other = signed(claims()), signed(claims(sub="bert"))
    both = make_exchange(headers=[("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")])

    assert [True, False, False, False] == recognised(token, bearer(token), bearer(other), both, make_exchange())


@pytest.mark.parametrize("value", ["%s", "Basic %s", "Bearer x%s", "Bearer %sx", "Bearer  %s", "DPoP %s"])
def test_a_token_is_recognised_as_a_bearer_token_only(value: str) -> None:
    token = signed(claims())

    assert [False] == recognised(token, make_exchange(headers={"Authorization": value % token}))


def test_nothing_is_recognised_where_nothing_is_remembered() -> None:
    token = signed(claims())

    assert [False] == recognised(token, bearer(token), settings={"cache_tokens": 0})


@pytest.mark.parametrize(("required", "said"), [(True, 1), (1, True), (0, False), ([True], 1), (True, 1.0)])
def test_what_was_verified_for_another_requirement_is_not_taken_over(required: Any, said: Any) -> None:
    async def once() -> None:
        token, shared = signed(claims(admin=said)), context()
        laxer = build(
            JWT, {"key_manager": "main", "required_claims": {"admin": [said] if required == [True] else said}}
        )
        strict = build(JWT, {"key_manager": "main", "required_claims": {"admin": required}})
        async with started(laxer, shared), started(strict, shared):
            assert "anna" == (await judged(laxer, token)).subject
            with pytest.raises(Reject) as caught:
                await judged(strict, token)
            assert errors.CLAIM_MISMATCH == caught.value.kind

    asyncio.run(once())
