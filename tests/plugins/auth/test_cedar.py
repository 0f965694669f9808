"""Policies in Cedar decide, and nothing that a client says is taken for more than it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apim_auth.cedar import Cedar
from apim_sdk import API, Fault, Principal, errors
from apim_sdk.testing import build, call, make_exchange
from hypothesis import given
from hypothesis import strategies as st
from support.gateway import run, serving

POLICY = """
permit(principal, action == Action::"GET", resource == API::"orders")
when { context.claims has tenant && context.claims.tenant == context.path_parameters.tenant };

permit(principal in Role::"boss", action, resource);

forbid(principal == User::"mallory", action, resource);
"""
ANY = "permit(principal, action, resource)"


def fault(
    text: str = POLICY, line: str = "GET /a", *, who: Principal | None = None, parts: Any = None, **settings: Any
) -> Fault | None:
    exchange = make_exchange(
        line,
        principal=who or Principal("anna", claims={"tenant": "acme"}),
        **{"path_parameters": {"tenant": "acme"}, "api": API("orders", "1.0", "/orders"), **(parts or {})},
    )
    return call(build(Cedar, {"policies": {"text": text}, **settings}), exchange, flow="request").fault


def test_a_call_that_a_policy_permits_is_let_in() -> None:
    assert fault() is None


def test_a_call_that_no_policy_permits_is_refused() -> None:
    refused = fault(line="PUT /a")

    assert refused is not None
    assert (403, "901101", "no policy permits it") == (refused.status, refused.kind.code, refused.detail)


def test_a_call_that_a_policy_forbids_is_refused_whatever_permits_it() -> None:
    refused = fault(who=Principal("mallory", claims={"tenant": "acme"}))

    assert refused is not None
    assert (errors.AUTHORIZATION_DENIED, "forbidden by policy2") == (refused.kind, refused.detail)


def test_nobody_is_refused() -> None:
    exchange = make_exchange(principal=None)

    assert 403 == call(build(Cedar, {"policies": {"text": ANY + ";"}}), exchange, flow="request").status


def test_roles_are_what_the_principal_is_in_where_that_is_wanted() -> None:
    boss = Principal("anna", roles=frozenset({"boss", "clerk"}))

    assert fault(line="PUT /a", who=boss) is not None
    assert fault(line="PUT /a", who=boss, role_type="Role") is None
    assert fault(line="PUT /a", who=Principal("anna"), role_type="Role") is not None


def test_a_role_that_is_no_text_is_none() -> None:
    policy = 'permit(principal in Role::"boss?", action, resource);'

    for role, refused in (("boss?", False), ("boss\ud800", True)):
        found = fault(policy, who=Principal("anna", roles=frozenset({role})), role_type="Role")
        assert refused == (found is not None)


def test_entities_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "entities.json"
    entities = [
        {"uid": {"type": "User", "id": "anna"}, "attrs": {"department": "sales"}, "parents": []},
        {"uid": {"type": "API", "id": "orders"}, "attrs": {"owner": "sales"}, "parents": []},
    ]
    file.write_text(json.dumps(entities))
    text = ANY + " when { principal.department == resource.owner };"

    assert fault(text, entities=str(file)) is None
    entities[0]["attrs"] = {"department": "finance"}
    file.write_text(json.dumps(entities))
    assert fault(text, entities=str(file)) is not None


def test_principal_action_and_resource_are_as_configured() -> None:
    text = 'permit(principal == Shop::App::"web", action == Shop::Action::"GET /{id}", resource == Shop::Order::"7");'
    settings = {
        "principal": {"type": "Shop::App", "id": "{{ principal.client_id }}"},
        "action": {"type": "Shop::Action", "id": "{{ operation.method }} {{ operation.template }}"},
        "resource": {"type": "Shop::Order", "id": "{{ path.id }}"},
    }
    parts = {"path_parameters": {"id": "7"}, "operation": make_operation()}
    principal = Principal("anna", client_id="web")

    assert fault(text, who=principal, parts=parts, **settings) is None
    assert fault(text, who=principal, parts={**parts, "path_parameters": {"id": "8"}}, **settings) is not None


def make_operation() -> Any:
    from apim_sdk import Operation

    return Operation("GET", "/{id}")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('context.method == "GET" && context.path == "/a"', True),
        ('context.client.address == "203.0.113.7"', True),
        ('context.principal.scopes.contains("read")', True),
        ('context.headers["x-office"] == "yes"', True),
        ('context.headers has "x-other"', False),
        ("context has plan", False),
        ("context.claims.age == 7", True),
        ("context.claims.whole == 8", True),
        ('context.claims.part == "1.5"', True),
        ('context.claims.huge == "1180591620717411303424"', True),
        ("context.claims has nothing", False),
        ('context.claims.list.containsAll(["a", "b"])', True),
        ('context.claims.inner.name == "x"', True),
        ("context.claims.inner has __entity", False),
        ('context.claims.half == "?"', True),
    ],
)
def test_the_context_says_what_the_call_is(condition: str, expected: bool) -> None:
    claims = {
        "age": 7,
        "whole": 8.0,
        "part": 1.5,
        "huge": 2**70,
        "nothing": None,
        "list": ["a", None, "b"],
        "inner": {"name": "x", "__entity": {"type": "Role", "id": "boss"}},
        "half": "\ud800",
    }
    found = fault(
        f"{ANY} when {{ {condition} }};",
        who=Principal("anna", frozenset({"read"}), claims),
        parts={"client": "203.0.113.7", "headers": {"X-Office": "yes", "X-Other": "x"}},
        headers=["X-Office"],
    )

    assert expected == (found is None)
    assert found is None or errors.AUTHORIZATION_DENIED == found.kind


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('context["claims"]["tenant"] == "acme"', True),
        ("context has claims && context.claims has tenant", True),
        ("context has nothing", False),
        ("context.claims has nothing || context.claims.inner has name", True),
        ('context.claims.inner == {"name": "x"}', True),
        ('context.claims == {"tenant": "acme", "inner": {"name": "x"}}', True),
        ('{"a": context}.a.claims.tenant == "acme"', True),
        ('(if context has plan then context else context).claims.tenant == "acme"', True),
        ('context.claims.tenant like "ac*" && !(context.api.name like "x*")', True),
        ('context.path_parameters has tenant && context.path_parameters.tenant == "acme"', True),
    ],
)
def test_a_policy_sees_all_that_it_mentions_however_it_does(condition: str, expected: bool) -> None:
    found = fault(
        f"{ANY} when {{ {condition} }};", who=Principal("a", claims={"tenant": "acme", "inner": {"name": "x"}})
    )

    assert expected == (found is None)
    assert found is None or errors.AUTHORIZATION_DENIED == found.kind


@pytest.mark.parametrize("subject", ['mallory" || "a', '"', "\\", "a\nb", "", 'User::"boss"', "*"])
def test_a_subject_is_one_id_whatever_is_in_it(subject: str) -> None:
    text = f"{ANY}; forbid(principal == User::{json.dumps(subject)}, action, resource);"

    assert fault(text, who=Principal(subject)) is not None
    assert fault(text, who=Principal(f"{subject}x")) is None


def test_an_id_that_is_no_text_is_nobodys() -> None:
    policy = 'permit(principal == User::"anna?", action, resource);'

    assert fault(policy, who=Principal("anna?")) is None
    refused = fault(policy, who=Principal("anna\ud800"))
    assert refused is not None
    assert (403, "the id of the User is no text: 'anna\\ud800'") == (refused.status, refused.detail)


def test_an_error_in_a_policy_refuses_unless_that_is_said_otherwise() -> None:
    text = f"{ANY}; forbid(principal, action, resource) when {{ context.claims.age > 7 }};"
    refused = fault(text)

    assert refused is not None
    assert (500, "901102") == (refused.status, refused.kind.code)
    assert "does not have the attribute `age`" in (refused.detail or "")
    assert fault(text, policy_errors="skip") is None
    assert 403 == getattr(fault(text, who=Principal("a", claims={"age": 8})), "status", None)


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_there_are_no_claims_that_cedar_cannot_take(claims: dict[str, Any]) -> None:
    assert fault(ANY + " when { context.claims == context.claims };", who=Principal("anna", claims=claims)) is None


# Configuration


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"policies": {}}, "say where the policies are"),
        ({"policies": {"text": ANY + ";", "file": "a.cedar"}}, "say where the policies are"),
        ({"policies": {"text": ANY + ";"}, "role_type": "a b"}, "is no type of entities"),
        ({"policies": {"text": ANY + ";"}, "principal": {"type": '"', "id": "x"}}, "is no type of entities"),
        ({"policies": {"text": ANY + ";"}, "headers": ["Authorization"]}, "carries credentials"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        build(Cedar, settings)


SCHEMA = 'entity User; entity API; action "GET" appliesTo { principal: User, resource: API };'


@pytest.mark.parametrize(
    ("policies", "entities", "schema", "settings", "reason"),
    [
        (None, None, None, {}, "No such file"),
        ("permit(", None, None, {}, "policies.cedar: .*write Cedar"),
        (ANY + ";", "[1]", None, {}, "holds no entities of Cedar"),
        (ANY + ";", "{}", None, {}, "holds no entities of Cedar"),
        ('permit(principal, action == Action::"GOT", resource);', None, SCHEMA, {}, "does not fit the schema"),
        (
            ANY + ";",
            '[{"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": []}]',
            None,
            {"role_type": "Role"},
            "with `role_type` the gateway makes them itself",
        ),
        (
            ANY + ";",
            '[{"uid": {"__entity": {"type": "User", "id": "a"}}, "attrs": {}, "parents": []}]',
            None,
            {"role_type": "Role"},
            "with `role_type` the gateway makes them itself",
        ),
    ],
)
def test_files_that_are_no_good_stop_the_start(
    tmp_path: Path, policies: str | None, entities: str | None, schema: str | None, settings: Any, reason: str
) -> None:
    options: dict[str, Any] = {"policies": {"file": str(tmp_path / "policies.cedar")}, **settings}
    if policies is not None:
        (tmp_path / "policies.cedar").write_text(policies)
    for name, content in (("entities", entities), ("schema", schema)):
        if content is not None:
            (tmp_path / name).write_text(content)
            options[name] = str(tmp_path / name)

    with pytest.raises((ValueError, OSError), match=reason):
        call(build(Cedar, options), make_exchange(), flow="request")


def test_policies_that_fit_their_schema_are_taken(tmp_path: Path) -> None:
    (tmp_path / "schema").write_text(SCHEMA)

    assert fault('permit(principal, action == Action::"GET", resource);', schema=str(tmp_path / "schema")) is None


def test_a_reload_reads_the_policies_again_and_keeps_the_old_ones_where_they_are_no_good(tmp_path: Path) -> None:
    file = tmp_path / "policies.cedar"
    text = """
        management: {enabled: false}
        apis:
          - name: orders
            context: /orders
            endpoint: {mock: {body: hello}}
            plans: [{name: public, authentication: {keyless: {}}}]
            flows: {request: [{cedar: {policies: {file: policies.cedar}}}]}
            operations: [{match: GET /list}]
    """

    async def inside() -> None:
        file.write_text(ANY + ";")
        async with serving(text, tmp_path) as gateway:
            seen = [(await gateway.get("/orders/list")).status]
            file.write_text(f"forbid{ANY.removeprefix('permit')};")
            await gateway.reload(text)
            seen.append((await gateway.get("/orders/list")).status)
            file.write_text("permit(")
            with pytest.raises(Exception, match=r"policies\.cedar"):
                await gateway.reload(text)
            seen.append((await gateway.get("/orders/list")).status)
        assert [200, 403, 403] == seen

    run(inside)
