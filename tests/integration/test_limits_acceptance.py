"""What consumers and operators of WSO2 API Manager rely on of limits, row by row of its behaviour; and where we differ.

The names F30 ... are those of the rows. Windows are of an hour, so that none ends within a test.
"""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any

import pytest
from support import tokens
from support.gateway import Answer, Served, run, serving
from support.processes import Running, running

ISSUER = f'key_managers: {{main: {{oidc: {{issuer: "{tokens.ISSUER}", jwks: {{file: jwks.json}}}}}}}}'
TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
GATEWAY = """
{gateway}
flows: {gateway_flows}
apis:
  - name: orders
    version: 1.0.0
    context: /orders/1.0.0
    endpoint: {endpoint}
    {api}
    flows: {flows}
    plans: [{name: gold, authentication: {authentication}, limits: {limits}}]
    operations: [{match: GET /res, flows: {operation}}, {match: GET /other}, {match: POST /res}]
  - name: stock
    context: /stock
    endpoint: {mock: {}}
    plans: [{name: gold, authentication: {authentication}}]
    operations: [{match: GET /res}]
applications:
  - {name: shop, id: a1, keys: [{api-key: k-1}, {client_id: shop-web}], subscriptions: [{api: orders, plan: gold},
     {api: stock, plan: gold}]}
  - {name: kiosk, id: a2, keys: [{api-key: k-2}], subscriptions: [{api: orders, plan: gold}]}
"""


def gateway(**parts: str) -> str:
    given = {
        "gateway": "management: {enabled: false}",
        "gateway_flows": "{}",
        "endpoint": "{mock: {body: hello}}",
        "api": "",
        "flows": "{}",
        "authentication": "{api-key: {header: ApiKey}}",
        "limits": "[]",
        "operation": "{}",
        **parts,
    }
    text = GATEWAY
    for name, value in given.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def told(answer: Answer) -> str:
    """The code of a refusal, or the status of what came through."""
    return str(answer.status) if answer.status == 200 else f"{answer.status} {answer.json['code']}"


def called(folder: Path, text: str, *calls: Any) -> list[str]:
    """What was told to each call: a path, or a path with headers."""

    async def scenario() -> list[str]:
        async with serving(text, folder) as served:
            return [told(await called_once(served, call)) for call in calls]

    answers: list[str] = run(scenario())
    return answers


async def called_once(served: Served, call: Any) -> Answer:
    path, headers = call if isinstance(call, tuple) else (call, {})
    method, _, path = path.rpartition(" ")
    body = headers.pop("body", None)
    return await served.call(
        method or "GET",
        f"/orders/1.0.0{path}" if path[:6] != "/stock" else path,
        headers={"ApiKey": "k-1", **headers},
        data=body,
    )


def of(requests: int, key: str, **more: Any) -> str:
    return json.dumps({"request": [{"rate-limit": {"requests": requests, "per": "1h", "key": key, **more}}]})


def test_f30_an_application_has_so_many_calls_over_all_apis(tmp_path: Path) -> None:
    text = gateway(gateway_flows=of(3, "application"))
    calls = ["/res", "/stock/res", "/other", "/res", "/stock/res", ("/res", {"ApiKey": "k-2"})]

    assert ["200"] * 3 + ["429 900803"] * 2 + ["200"] == called(tmp_path, text, *calls)


def test_f30_a_refusal_says_when_to_come_again(tmp_path: Path) -> None:
    async def scenario() -> Answer:
        async with serving(gateway(gateway_flows=of(1, "application")), tmp_path) as served:
            return [await called_once(served, "/res") for _ in range(2)][1]

    answer = run(scenario())
    assert ("3600", "Message throttled out") == (answer.headers["Retry-After"], answer.json["message"])
    again = time.mktime(time.strptime(answer.json["nextAccessTime"], "%Y-%b-%d %H:%M:%S+0000 UTC")) - time.timezone
    assert 3590 < again - time.time() < 3610


@pytest.fixture(params=["1", "2"])
def resettable(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """One process, or two that count together in their supervisor, with a limit for each user of an application."""
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [tokens.public()]}))
    listen = f"listen: 127.0.0.1:0\nmanagement: {{listen: '127.0.0.1:0', token: {TOKEN}}}\nlog: {{format: json}}"
    text = gateway(
        gateway=f"{listen}\n{ISSUER}",
        gateway_flows=of(3, "application-user", mode="exact"),
        authentication="{jwt: {}}",
    )
    with running(tmp_path, text, "--workers", request.param) as started:
        yield started


def ask(port: int, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null") if response.status != 200 or body else None
    finally:
        connection.close()


def as_user(started: Running, user: str) -> int:
    now = time.time()
    claims = tokens.claims(iat=now - 10, exp=now + 300, sub=user, azp="shop-web")
    headers = {"Authorization": f"Bearer {tokens.signed(claims)}"}
    status, answer = ask(started.port, "GET", "/orders/1.0.0/res", headers)
    return int(answer["code"]) if status == 429 else status


def test_f30_a_reset_of_application_and_user_counts_at_once_in_every_process(resettable: Running) -> None:
    assert [200, 200, 200, 900803, 900803] == [as_user(resettable, "anna") for _ in range(5)]
    assert [200, 200, 200, 900803] == [as_user(resettable, "ben") for _ in range(4)]

    management = {"Authorization": f"Bearer {TOKEN}"}
    body = {"key": {"application": "a1", "user": "anna"}}
    assert (401, 200) == tuple(
        ask(resettable.management, "POST", "/actions/reset-limit", headers, body)[0] for headers in ({}, management)
    )

    assert [200, 200, 200, 900803] == [as_user(resettable, "anna") for _ in range(4)]
    assert 900803 == as_user(resettable, "ben")


def test_f31_a_plan_has_so_many_calls_for_each_subscription(tmp_path: Path) -> None:
    text = gateway(limits="[{requests: 3, per: 1h}]")
    calls = ["/res"] * 4 + [("/res", {"ApiKey": "k-2"}), "/stock/res"]

    assert ["200"] * 3 + ["429 900804", "200", "200"] == called(tmp_path, text, *calls)


def test_f31_a_burst_under_a_large_quota_has_a_code_of_its_own(tmp_path: Path) -> None:
    text = gateway(limits="[{quota: {requests: 100000, per: 1d, burst: {requests: 5, per: 1h}}}]")

    assert ["200"] * 5 + ["429 900807"] == called(tmp_path, text, *["/res"] * 6)


def test_f32_an_api_has_so_many_calls_of_all_clients(tmp_path: Path) -> None:
    calls = ["/res", ("/other", {"ApiKey": "k-2"}), "/res", ("/res", {"ApiKey": "k-2"}), "/stock/res"]

    assert ["200"] * 3 + ["429 900800", "200"] == called(tmp_path, gateway(flows=of(3, "api")), *calls)


def test_f32_an_operation_has_so_many_calls_and_only_that_one(tmp_path: Path) -> None:
    calls = ["/res", ("/res", {"ApiKey": "k-2"}), "/res", "/res", "/other"]

    assert ["200"] * 3 + ["429 900802", "200"] == called(tmp_path, gateway(operation=of(3, "operation")), *calls)


def test_f33_an_application_has_so_many_bytes(tmp_path: Path) -> None:
    limit = {"request": [{"bandwidth-limit": {"bytes": "1KiB", "per": "1m", "key": "application"}}]}
    calls = [("POST /res", {"body": "x" * 4096}), "/res", ("/res", {"ApiKey": "k-2"})]

    assert ["200", "429 900803", "200"] == called(tmp_path, gateway(gateway_flows=json.dumps(limit)), *calls)


@pytest.mark.parametrize(
    ("when", "matching", "other"),
    [
        ("client.address == '198.51.100.7'", {"X-Forwarded-For": "198.51.100.7"}, {"X-Forwarded-For": "198.51.100.8"}),
        (
            "cidr('198.51.100.0/24').containsIP(client.address)",
            {"X-Forwarded-For": "198.51.100.7"},
            {"X-Forwarded-For": "198.51.101.7"},
        ),
        ("request.headers['x-tier'].matches('^(free|trial)$')", {"X-Tier": "trial"}, {"X-Tier": "gold"}),
        ("request.query['mode'] == 'test'", {"query": "?mode=test"}, {"query": "?mode=live"}),
        ("!(request.headers['x-tier'] == 'gold')", {"X-Tier": "free"}, {"X-Tier": "gold"}),
        ("'beta' in claims.groups", {"groups": ["beta"]}, {"groups": ["stable"]}),
    ],
)
def test_f34_those_for_whom_a_condition_holds_have_another_limit(
    tmp_path: Path, when: str, matching: dict[str, Any], other: dict[str, Any]
) -> None:
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [tokens.public()]}))
    text = gateway(
        gateway=f"management: {{enabled: false}}\ntrusted_proxies: [127.0.0.1]\n{ISSUER}",
        authentication="{jwt: {}}",
        flows=of(100, "api", groups=[{"when": when, "requests": 3, "per": "1h"}]),
    )

    def call(given: dict[str, Any]) -> Any:
        now = time.time()
        claims = tokens.claims(iat=now - 10, exp=now + 300, azp="shop-web", groups=given.get("groups", []))
        headers = {name: value for name, value in given.items() if name[0].isupper()}
        headers["Authorization"] = f"Bearer {tokens.signed(claims)}"
        return f"/res{given.get('query', '')}", headers

    calls = [call(matching)] * 4 + [call(other)] * 5
    assert ["200"] * 3 + ["429 900800"] + ["200"] * 5 == called(tmp_path, text, *calls)


def test_f35_a_custom_rule_counts_by_whatever_its_key_says(tmp_path: Path) -> None:
    rule = {"request": [{"custom-limit": {"key": "{{ api.context }}:{{ api.version }}", "units": 5, "per": "1h"}}]}
    calls = ["/res", "/stock/res"] * 5 + ["/res", "/stock/res"]

    assert ["200"] * 10 + ["429 900806"] * 2 == called(tmp_path, gateway(gateway_flows=json.dumps(rule)), *calls)


def test_f36_an_api_that_is_denied_is_forbidden_until_the_condition_is_switched_off(tmp_path: Path) -> None:
    def text(enabled: str) -> str:
        condition = f'{{deny: {{conditions: [{{api: "/orders/1.0.0", enabled: {enabled}}}]}}}}'
        return gateway(gateway_flows=f"{{entry: [{condition}]}}")

    async def scenario() -> list[str]:
        async with serving(text("true"), tmp_path) as served:
            seen = [told(await called_once(served, path)) for path in ("/res", "/stock/res")]
            await served.reload(text("false"))
            return [*seen, told(await called_once(served, "/res"))]

    assert ["403 900805", "200", "200"] == run(scenario())


def test_f37_what_is_more_than_the_backend_takes_is_unavailable(tmp_path: Path) -> None:
    limit = {"request": [{"backend-limit": {"production": [{"requests": 2, "per": "1h"}]}}]}

    assert ["200", "200", "503 900801"] == called(tmp_path, gateway(flows=json.dumps(limit)), *["/res"] * 3)


def test_f38_a_plan_that_does_not_stop_never_refuses_and_marks(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[int, str | None]]:
        text = gateway(limits="[{requests: 2, per: 1h, stop_on_quota: false}]")
        async with serving(text, tmp_path) as served:
            answers = [await called_once(served, "/res") for _ in range(5)]
            return [(answer.status, answer.headers.get("X-Over-Quota")) for answer in answers]

    assert [(200, None)] * 2 + [(200, "subscription")] * 3 == run(scenario())


def test_levels_are_checked_in_order_and_what_a_later_one_refuses_counts_at_none(tmp_path: Path) -> None:
    """An order of our own: a plan's limits come first. That makes no difference to the counts."""
    text = gateway(limits="[{requests: 3, per: 1h}]", flows=of(2, "api"), operation=of(1, "operation"))
    calls = ["/res", "/res", "/other", "/other", "/other"]

    assert ["200", "429 900802", "200", "429 900800", "429 900800"] == called(tmp_path, text, *calls)


def test_two_steps_never_share_a_count(tmp_path: Path) -> None:
    flows = {"request": [{"rate-limit": {"requests": 2, "per": "1h", "key": "api"}}] * 2}

    assert ["200", "200", "429 900800"] == called(tmp_path, gateway(flows=json.dumps(flows)), *["/res"] * 3)
