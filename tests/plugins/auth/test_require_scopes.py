"""Who lacks a scope or a role is refused, and told which scopes would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apim_auth.require_scopes import RequireScopes
from apim_sdk import Principal, errors
from apim_sdk.testing import Outcome, build, call, make_exchange
from support.gateway import run, serving
from support.wso2_is import RESOURCES, ROLES, wso2_is


def outcome(settings: dict[str, Any], scopes: str = "", roles: str = "") -> Outcome:
    principal = Principal("anna", frozenset(scopes.split()), roles=frozenset(roles.split()))
    return call(build(RequireScopes, settings), make_exchange(principal=principal), flow="request")


@pytest.mark.parametrize(
    ("settings", "scopes", "roles", "expected"),
    [
        ({"any": ["a", "b"]}, "b", "", 200),
        ({"any": ["a", "b"]}, "c", "", 403),
        ({"any": ["a", "b"]}, "", "", 403),
        ({"all": ["a", "b"]}, "a b c", "", 200),
        ({"all": ["a", "b"]}, "a", "", 403),
        ({"all": ["a"], "any": ["b", "c"]}, "a c", "", 200),
        ({"all": ["a"], "any": ["b", "c"]}, "a", "", 403),
        ({"all": ["a"], "any": ["b", "c"]}, "b c", "", 403),
        ({"roles": {"any": ["clerk", "boss"]}}, "", "boss", 200),
        ({"roles": {"any": ["clerk", "boss"]}}, "clerk", "", 403),
        ({"roles": {"all": ["clerk", "boss"]}}, "", "boss", 403),
        ({"roles": {"all": ["clerk", "boss"]}}, "", "boss clerk", 200),
        ({"any": ["a"], "roles": {"any": ["boss"]}}, "a", "", 403),
        ({"any": ["a"], "roles": {"any": ["boss"]}}, "a", "boss", 200),
        ({"any": ["a"]}, "A", "", 403),
        ({"any": ["orders"]}, "orders.read", "", 403),
    ],
)
def test_all_rules_must_hold(settings: dict[str, Any], scopes: str, roles: str, expected: int) -> None:
    assert expected == outcome(settings, scopes, roles).status


def test_a_refusal_says_which_scopes_would_do() -> None:
    fault = outcome({"all": ["a", "b"], "any": ["b", "c"]}).fault

    assert fault is not None
    assert errors.INSUFFICIENT_SCOPE == fault.kind
    expected = 'Bearer realm="apim", error="insufficient_scope", scope="a b c"'
    assert {"WWW-Authenticate": expected} == fault.headers


def test_a_missing_role_is_told_apart_from_a_missing_scope() -> None:
    fault = outcome({"any": ["a"], "roles": {"any": ["boss"]}}, "a").fault

    assert fault is not None
    assert ("900910", "The subject lacks a role that this call requires") == (fault.kind.code, fault.description)


def test_nobody_has_no_scopes() -> None:
    assert 403 == call(build(RequireScopes, {"any": ["a"]}), make_exchange(), flow="request").status


def test_something_must_be_required() -> None:
    with pytest.raises(Exception, match="say what is required"):
        build(RequireScopes, {})


@pytest.mark.parametrize("scope", ["", "two words", 'a"b', "a\\b", "a\r\nX: y", "ä"])
def test_what_is_no_scope_cannot_be_required(scope: str) -> None:
    with pytest.raises(Exception, match="is no scope"):
        build(RequireScopes, {"any": [scope]})


def test_scopes_of_a_token_let_in_through_the_gateway(tmp_path: Path) -> None:
    async def inside() -> None:
        async with wso2_is() as server:
            server.clients["shop"] = {"client_id": "shop", "token_type_extension": "JWT"}
            text = f"""
                egress: {{allow: [127.0.0.0/8, "::1/128"]}}
                management: {{enabled: false}}
                key_managers:
                  is:
                    wso2-is:
                      url: {server.url}
                      api_resource_management_endpoint: {server.url}{RESOURCES}
                      is7_roles_endpoint: {server.url}{ROLES}
                      username: apim
                      password: the password of apim
                apis:
                  - name: orders
                    context: /orders
                    endpoint: {{mock: {{body: hello}}}}
                    plans: [{{name: gold, authentication: {{jwt: {{key_manager: is}}}}, subscription: none}}]
                    flows: {{request: [{{require-scopes: {{all: [read, write]}}}}]}}
                    operations: [{{match: GET /list}}]
            """
            async with serving(text, tmp_path) as gateway:
                answers = [
                    await gateway.get("/orders/list", Authorization=f"Bearer {server.issue('shop', scope)}")
                    for scope in ("read write", "read")
                ]
            assert [200, 403] == [answer.status for answer in answers]
            assert "900910" == answers[1].json["code"]
            assert 'scope="read write"' in answers[1].headers["WWW-Authenticate"]

    run(inside)
