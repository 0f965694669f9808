"""Whose tokens an API takes, and which kinds of keys."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support import tokens
from support.gateway import run, serving

from apim_core.config import ConfigErrors


def text(manager: str = "", api: str = "", jwt: str = "", gateway: str = "") -> str:
    return f"""
    management: {{enabled: false}}
    {gateway}
    key_managers:
      main: {{oidc: {{issuer: "{tokens.ISSUER}", jwks: {{file: jwks.json}}}}{manager}}}
      other: {{oidc: {{issuer: "https://other.example", jwks: {{file: jwks.json}}}}}}
    apis:
      - name: items
        context: /api
        endpoint: {{mock: {{body: production}}}}
        {api}
        plans: [{{name: gold, authentication: {{jwt: {{{jwt}}}}}}}]
        operations: [{{match: "GET /x"}}]
    applications:
      - name: shop
        keys: [{{client_id: shop-web}}, {{client_id: shop-test, type: sandbox}}]
        subscriptions: [{{api: items, plan: gold}}]
    """


def asked(folder: Path, written: str, key: str = "a", **claims: object) -> tuple[int, str]:
    (folder / "jwks.json").write_text(json.dumps({"keys": [tokens.public()]}))
    now = time.time()
    token = tokens.signed(tokens.claims(iat=now - 10, exp=now + 300, **claims), {"kid": key}, tokens.key(key))

    async def scenario() -> tuple[int, str]:
        async with serving(written, folder) as served:
            answer = await served.get("/api/x", Authorization=f"Bearer {token}")
            return answer.status, answer.body.decode()

    result: tuple[int, str] = run(scenario())
    return result


def refused(folder: Path, written: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        asked(folder, written)
    return str(caught.value)


@pytest.mark.parametrize(
    ("manager", "api", "status"),
    [
        ("", "", 200),
        (", enabled: false", "", 401),
        (", tokens: exchanged", "", 401),
        (", tokens: both", "", 200),
        (", tenant: acme", "", 401),
        (", tenant: acme", "tenant: other", 401),
        (", tenant: acme", "tenant: acme", 200),
        ("", "tenant: acme", 200),
        ("", "key_managers: [main]", 200),
        ("", "key_managers: [other]", 401),
        (", enabled: false", "key_managers: [main]", 401),
    ],
)
def test_an_api_takes_the_tokens_of_its_key_managers(tmp_path: Path, manager: str, api: str, status: int) -> None:
    assert status == asked(tmp_path, text(manager, api))[0]


@pytest.mark.parametrize(
    ("api", "signed_by", "status"),
    [
        ("tenant: acme", "acme", 200),
        ("tenant: acme", "a", 401),
        ("", "acme", 401),
        ("", "a", 200),
    ],
)
def test_of_two_with_one_issuer_the_tenants_own_goes_before_that_of_all(
    tmp_path: Path, api: str, signed_by: str, status: int
) -> None:
    (tmp_path / "acme.json").write_text(json.dumps({"keys": [tokens.public("acme")]}))
    own = f"""
      own: {{oidc: {{issuer: "{tokens.ISSUER}", jwks: {{file: acme.json}}}}, tenant: acme}}
    apis:"""
    written = text(api=api).replace("\n    apis:", own, 1)
    assert status == asked(tmp_path, written, key=signed_by)[0]


def test_a_key_manager_that_is_named_and_switched_off_has_no_good_tokens(tmp_path: Path) -> None:
    assert 401 == asked(tmp_path, text(", enabled: false", jwt="key_manager: main"))[0]


@pytest.mark.parametrize(
    ("manager", "api"),
    [(", tokens: exchanged", ""), (", tenant: acme", ""), ("", "key_managers: [other]")],
)
def test_naming_a_key_manager_whose_tokens_are_not_for_the_api_is_refused(
    tmp_path: Path, manager: str, api: str
) -> None:
    problem = refused(tmp_path, text(manager, api, jwt="key_manager: main"))
    assert "tokens of the key manager 'main' are not taken here" in problem
    assert "apim.yaml:12" in problem


def test_an_allow_list_names_key_managers_that_are_there(tmp_path: Path) -> None:
    problem = refused(tmp_path, text(api="key_managers: [mian]"))
    assert "no key manager is named 'mian'" in problem
    assert "did you mean 'main'" in problem


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (", tokens: never", "one of direct, exchanged, both"),
        (", roles: admin", "a list"),
        (", mock: {}", "a key manager has one plugin, not 2"),
        (", tenantt: x", "did you mean 'tenant'"),
    ],
)
def test_what_is_said_of_a_key_manager_is_checked(tmp_path: Path, written: str, problem: str) -> None:
    assert problem in refused(tmp_path, text(written))


SANDBOX = "sandbox: {mock: {body: sandbox}}"


@pytest.mark.parametrize(
    ("client", "api", "gateway", "answer"),
    [
        ("shop-web", "", "", (200, "production")),
        ("shop-test", SANDBOX, "", (200, "sandbox")),
        ("shop-web", SANDBOX, "", (200, "production")),
        ("shop-test", "", "", (403, "no sandbox endpoint")),
        ("shop-web", SANDBOX, "key_type: sandbox", (401, "Production Key Provided for Sandbox Gateway")),
        ("shop-test", SANDBOX, "key_type: production", (401, "Sandbox Key Provided for Production Gateway")),
        ("shop-test", SANDBOX, "key_type: sandbox", (200, "sandbox")),
    ],
)
def test_keys_lead_to_the_endpoint_of_their_kind(
    tmp_path: Path, client: str, api: str, gateway: str, answer: tuple[int, str]
) -> None:
    status, said = asked(tmp_path, text(api=api, gateway=gateway), azp=client)
    assert answer[0] == status
    assert answer[1] in said


def test_a_token_may_say_itself_of_which_kind_it_is(tmp_path: Path) -> None:
    assert (200, "sandbox") == asked(tmp_path, text(api=SANDBOX), keytype="SANDBOX")


def test_production_keys_are_refused_where_only_a_sandbox_is(tmp_path: Path) -> None:
    written = text(api=SANDBOX).replace("endpoint: {mock: {body: production}}", "")
    status, said = asked(tmp_path, written)
    assert 403 == status
    assert "no production endpoint" in said
