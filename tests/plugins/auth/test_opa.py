"""Open Policy Agent decides, and what it is asked and answers is bounded."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from apim_auth.opa import OPA
from apim_sdk import Application, Exchange, Principal, Reject, errors
from apim_sdk.testing import FakeContext, FakeFetched, Outcome, build, make_exchange, run, started
from hypothesis import given
from hypothesis import strategies as st
from support.callouts import CallingContext
from support.gateway import run as run_gateway
from support.gateway import serving
from support.opa import OPAServer, opa

Ask = Callable[..., Awaitable[Outcome]]
Test = Callable[[Ask, OPAServer, CallingContext], Awaitable[None]]
ANNA = Principal("anna", frozenset({"read"}), {"tenant": "acme"}, "shop-web", issuer="https://idp.example")


def exchange(line: str = "GET /a", **parts: Any) -> Exchange:
    return make_exchange(line, **{"principal": ANNA, "path_parameters": {"tenant": "acme"}, **parts})


def with_opa(path: str = "apim/authz", **settings: Any) -> Callable[[Test], Callable[[], None]]:
    """Run a test with an OPA and a policy that asks it."""

    def decorate(test: Test) -> Callable[[], None]:
        def once() -> None:
            async def inside() -> None:
                context = CallingContext()
                async with opa() as server:
                    policy = build(OPA, {"url": server.url, "path": path, **settings})
                    async with started(policy, context):

                        async def ask(line: str = "GET /a", **parts: Any) -> Outcome:
                            return await run(policy, exchange(line, **parts))

                        await test(ask, server, context)

            asyncio.run(inside())

        once.__name__, once.__doc__ = test.__name__, test.__doc__
        return once

    return decorate


def refused(outcome: Outcome) -> Reject:
    assert isinstance(outcome.fault, Reject)
    return outcome.fault


@pytest.mark.parametrize("path", ["apim/authz", "apim/authz/allow", "/apim/authz/", "apim.authz.allow"])
def test_the_policy_decides(path: str) -> None:
    @with_opa(path)
    async def inside(ask: Ask, server: OPAServer, context: CallingContext) -> None:
        assert 200 == (await ask()).status
        assert 200 == (await ask("PUT /a", principal=Principal("root", roles=frozenset({"admin"})))).status

        fault = refused(await ask("PUT /a"))
        assert (403, "901101", errors.AUTHORIZATION_DENIED) == (fault.status, fault.kind.code, fault.kind)
        assert "OPA's decision" in (fault.detail or "")

    inside()


@with_opa("apim/authz/decision")
async def test_a_policy_may_set_headers_and_say_why_it_refuses(
    ask: Ask, server: OPAServer, context: CallingContext
) -> None:
    allowed = await ask(headers={"X-Tenant": "made up"})
    assert ("acme",) == allowed.exchange.request.headers.get_all("X-Tenant")

    assert "Ask test for access" == refused(await ask("PUT /a")).description


@with_opa("apim/nothing")
async def test_what_is_undefined_is_refused(ask: Ask, server: OPAServer, context: CallingContext) -> None:
    fault = refused(await ask())

    assert (errors.AUTHORIZATION_DENIED, "the policy apim/nothing is undefined") == (fault.kind, fault.detail)


@with_opa("apim/nothing", on_error="open")
async def test_what_is_undefined_is_refused_even_where_errors_let_in(
    ask: Ask, server: OPAServer, context: CallingContext
) -> None:
    assert 403 == (await ask()).status


@with_opa("apim/authz/about", rule="nothing", headers=["X-Office", "X-None"], query=True)
async def test_opa_sees_the_call_who_makes_it_and_on_what(ask: Ask, server: OPAServer, context: CallingContext) -> None:
    await ask(
        "GET /a/acme?page=1&page=2",
        headers=[("X-Office", "yes"), ("x-office", "no"), ("X-Other", "x"), ("Authorization", "Bearer t")],
        application=Application("shop", "app-1", owner="bert", attributes={"tier": "gold"}),
        plan="gold",
        client="203.0.113.7",
    )

    (asked,) = server.asked
    assert ("GET", "/a/acme", {"x-office": "yes, no"}) == (asked["method"], asked["path"], asked["headers"])
    assert ({"address": "203.0.113.7"}, {"tenant": "acme"}) == (asked["client"], asked["claims"])
    assert {
        "subject": "anna",
        "client_id": "shop-web",
        "issuer": "https://idp.example",
        "scopes": ["read"],
        "roles": [],
        "key_manager": None,
        "key_type": None,
    } == asked["principal"]
    assert ({"page": ["1", "2"]}, {"tenant": "acme"}, "gold") == (
        asked["query"],
        asked["path_parameters"],
        asked["plan"],
    )
    assert {"name": "shop", "id": "app-1", "owner": "bert", "attributes": {"tier": "gold"}} == asked["application"]
    assert {"name", "version", "context"} == set(asked["api"])
    assert {"method", "template", "id"} == set(asked["operation"])
    assert "body" not in asked


@with_opa("apim/authz/about")
async def test_an_anonymous_call_has_no_principal(ask: Ask, server: OPAServer, context: CallingContext) -> None:
    await ask(principal=None)

    (asked,) = server.asked
    assert (None, {}, None) == (asked["principal"], asked["claims"], asked["application"])
    assert "query" not in asked


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Proxy-Authorization", "X-API-Key", "DPoP"])
def test_headers_with_credentials_are_never_passed_on(name: str) -> None:
    with pytest.raises(Exception, match="carries credentials"):
        build(OPA, {**OPA.example, "headers": ["X-Tenant", name]})


# The body


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("application/json", b'{"amount": 50}', 200),
        ("application/merge-patch+json; charset=utf-8", b'{"amount": 50}', 200),
        ("application/json", b'{"amount": 500}', 403),
        ("application/json", b'{"amount": ', 403),
        ("text/plain", b'{"amount": 50}', 403),
        ("application/json", b"[" * 20_000, 403),
        ("application/json", b'{"amount": 50, "amount": 500}', 403),
        ("application/json", b'{"amount": 500, "amount": 50}', 403),
        ("application/json", b'{"amount": -1e999}', 403),
        ("application/json", b'{"amount": -Infinity}', 403),
    ],
)
def test_the_body_is_shown_where_that_is_wanted(kind: str, content: bytes, expected: int) -> None:
    @with_opa("apim/authz/rich", body=True)
    async def inside(ask: Ask, server: OPAServer, context: CallingContext) -> None:
        outcome = await ask("POST /a", headers={"Content-Type": kind}, body=[content[:5], content[5:]])
        assert expected == outcome.status
        assert content == outcome.exchange.request.body.data

    inside()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(JSON, st.binary(max_size=20), st.sampled_from(["application/json", "text/plain"]))
def test_nothing_that_a_client_sends_makes_the_question_one_that_cannot_be_answered(
    content: Any, raw: bytes, kind: str
) -> None:
    """Else it would decide what happens by ``on_error``."""

    async def inside() -> None:
        policy = build(OPA, {**OPA.example, "body": True, "query": True, "on_error": "open"})
        context = FakeContext(fetches=answers(b'{"result": false}'))
        async with started(policy, context):
            for body in (json.dumps(content).encode(), raw):
                outcome = await run(policy, exchange("POST /a?b=%ff&c", body=body, headers={"Content-Type": kind}))
                assert 403 == outcome.status
        for _, _, asked in context.fetched:
            assert asked is not None
            assert json.loads(asked.decode("ascii"), parse_constant=pytest.fail)["input"]["method"] == "POST"

    asyncio.run(inside())


# The gateway, whole


def configuration(server: OPAServer, options: str) -> str:
    return f"""
        egress: {{allow: [127.0.0.0/8]}}
        management: {{enabled: false}}
        apis:
          - name: items
            context: /api
            endpoint: {{mock: {{body: "tenant {{{{ request.headers['x-tenant'] }}}}"}}}}
            plans: [{{name: shop, authentication: {{api-key: {{}}}}}}]
            flows: {{request: [{{opa: {{url: "{server.url}", {options}}}}}]}}
            operations: [{{match: "GET /{{tenant}}/items"}}, {{match: "POST /{{tenant}}/items"}}]
        applications:
          - name: shop
            keys: [{{api-key: "the key of the shop"}}]
            subscriptions: [{{api: items, plan: shop}}]
    """


POLICY = """
package shop
import rego.v1
default allow := false
allow if input.application.name == input.path_parameters.tenant
decision := {"allow": allow, "headers": {"X-Tenant": input.application.name}}
"""


def test_a_gateway_asks_before_the_endpoint_is_called(tmp_path: Path) -> None:
    async def inside() -> None:
        async with opa(POLICY) as server:
            text = configuration(server, "path: shop/decision, body: true, max_body: 100B")
            async with serving(text, tmp_path) as gateway:
                key = {"X-API-Key": "the key of the shop"}
                good = await gateway.get("/api/shop/items", X_API_Key="the key of the shop")
                other = await gateway.get("/api/other/items", X_API_Key="the key of the shop")
                nobody = await gateway.get("/api/shop/items")
                large = await gateway.call("POST", "/api/shop/items", headers=key, data=b"x" * 101)
                small = await gateway.call("POST", "/api/shop/items", headers=key, data=b"x" * 100)

        assert (200, b"tenant shop") == (good.status, good.body)
        assert (403, "901101") == (other.status, other.json["code"])
        assert [401, 413, 200] == [nobody.status, large.status, small.status]
        assert ["shop", "other", "shop"] == [asked["path_parameters"]["tenant"] for asked in server.asked]
        assert "the key of the shop" not in str(server.asked)

    run_gateway(inside)


def test_the_policy_of_the_guide_does_what_the_guide_says() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "protect" / "authorization.md").read_text()
    (policy,) = re.findall(r"```rego\n(.*?)```", page, re.DOTALL)

    async def inside() -> None:
        async with opa(policy) as server:
            decide = build(OPA, {"url": server.url, "path": "apim/authz"})
            async with started(decide, CallingContext()):
                allowed = await run(decide, exchange())
                other = await run(decide, exchange(path_parameters={"tenant": "other"}))
        assert "acme" == allowed.exchange.request.headers["X-Tenant"]
        assert (403, "This is not your tenant") == (other.status, refused(other).description)

    asyncio.run(inside())


# Errors


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"<html>", errors.AUTHORIZATION_ANSWER_INVALID),
        (b"[]", errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": "yes"}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": 1}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": null}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": "true"}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": 1}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": false, "message": 7}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": true, "headers": []}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": true, "headers": {"X-A": 1}}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": true, "headers": {"X-A": "a\\r\\nX-B: b"}}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": true, "headers": {"X A": "a"}}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": true, "headers": {"Content-Length": "0"}}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {"allow": true, "headers": {"transfer-ENCODING": "x"}}}', errors.AUTHORIZATION_ANSWER_INVALID),
        (b"[" * 100_000, errors.AUTHORIZATION_ANSWER_INVALID),
        (b'{"result": {}}', errors.AUTHORIZATION_DENIED),
        (b'{"result": {"deny": false}}', errors.AUTHORIZATION_DENIED),
        (b"{}", errors.AUTHORIZATION_DENIED),
    ],
)
def test_what_is_no_decision_never_lets_in(answer: bytes, kind: errors.ErrorKind) -> None:
    @with_opa()
    async def inside(ask: Ask, server: OPAServer, context: CallingContext) -> None:
        server.answer = answer
        assert kind == refused(await ask()).kind

    inside()


@with_opa(token="the right one")
async def test_the_gateway_shows_its_token(ask: Ask, server: OPAServer, context: CallingContext) -> None:
    server.token = "the right one"
    assert 200 == (await ask()).status

    server.token = "another"
    fault = refused(await ask())
    assert (500, "901102") == (fault.status, fault.kind.code)
    assert "answers 401" in (fault.detail or "")
    assert "the right one" not in str(fault.detail)


@with_opa(timeout="50ms")
async def test_a_server_that_does_not_answer_is_not_waited_for(
    ask: Ask, server: OPAServer, context: CallingContext
) -> None:
    server.silent = True
    fault = refused(await ask())

    assert errors.AUTHORIZATION_FAILURE == fault.kind
    assert "did not answer within 50ms" in (fault.detail or "")


@pytest.mark.parametrize(("on_error", "expected"), [("closed", 500), ("open", 200)])
def test_where_there_is_no_server_the_operator_has_said_what_happens(on_error: str, expected: int) -> None:
    async def inside() -> None:
        context = FakeContext()
        policy = build(OPA, {**OPA.example, "on_error": on_error})
        async with started(policy, context):
            assert expected == (await run(policy, exchange())).status
            assert expected == (await run(policy, exchange())).status
        (name,) = {name for name, *_ in context.metrics.counters}
        assert "apim_authorization_failures_total" == name
        assert (["Calls are let in without a decision"] if on_error == "open" else []) == [
            line.event for line in context.log.lines
        ]

    asyncio.run(inside())


# Remembering


def answers(result: bytes) -> dict[str, FakeFetched]:
    return {"http://127.0.0.1:8181/v1/data/apim/authz": FakeFetched(200, {}, result)}


def calls(settings: dict[str, Any], steps: Callable[[OPA, FakeContext], Awaitable[None]]) -> None:
    async def inside() -> None:
        context = FakeContext(fetches=answers(b'{"result": true}'))
        policy = build(OPA, {**OPA.example, **settings})
        async with started(policy, context):
            await steps(policy, context)

    asyncio.run(inside())


def test_a_decision_holds_for_the_same_question_for_as_long_as_is_said() -> None:
    async def steps(policy: OPA, context: FakeContext) -> None:
        for _ in range(3):
            await run(policy, exchange())
        assert 1 == len(context.fetched)
        await run(policy, exchange("GET /b"))
        await run(policy, exchange(principal=Principal("bert", claims={"tenant": "acme"})))
        assert 3 == len(context.fetched)
        context.clock.advance(10.1)
        await run(policy, exchange())
        assert 4 == len(context.fetched)

    calls({"cache": "10s"}, steps)


def test_a_refusal_is_remembered_too_and_an_error_is_not() -> None:
    async def steps(policy: OPA, context: FakeContext) -> None:
        context.fetches = answers(b'{"result": false}')
        assert [403, 403] == [(await run(policy, exchange())).status for _ in range(2)]
        assert 1 == len(context.fetched)
        context.fetches = answers(b"no")
        assert [500, 500] == [(await run(policy, exchange("GET /b"))).status for _ in range(2)]
        assert 3 == len(context.fetched)

    calls({"cache": "10s"}, steps)


def test_a_call_that_is_let_in_without_a_decision_is_not_remembered() -> None:
    async def steps(policy: OPA, context: FakeContext) -> None:
        context.fetches = answers(b"no")
        assert 200 == (await run(policy, exchange())).status
        context.fetches = answers(b'{"result": false}')
        assert 403 == (await run(policy, exchange())).status

    calls({"cache": "10s", "on_error": "open"}, steps)


def test_no_more_decisions_are_remembered_than_is_said() -> None:
    async def steps(policy: OPA, context: FakeContext) -> None:
        for number in range(20):
            await run(policy, exchange(f"GET /{number}"))
        for number in range(20):
            await run(policy, exchange(f"GET /{number}"))
        assert 40 == len(context.fetched)

    calls({"cache": "1h", "cache_entries": 10}, steps)


def test_unless_it_is_said_nothing_is_remembered() -> None:
    async def steps(policy: OPA, context: FakeContext) -> None:
        for _ in range(3):
            await run(policy, exchange())
        assert 3 == len(context.fetched)

    calls({}, steps)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "127.0.0.1:8181"}, "is no URL of a server"),
        ({"path": ""}, "is no path of a policy"),
        ({"path": "data/apim"}, "is no path of a policy"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        build(OPA, {**OPA.example, **changes})
