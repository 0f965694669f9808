"""`apim:recommended`: what each rule lets pass, and what it finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.linting import found, linter

GOOD = """\
name: orders
version: "1.0"
context: /orders/1.0
description: Orders, and what becomes of them.
definition: orders.openapi.yaml
labels: [public]
hosts: [api.example.com]
endpoint: {http: {url: "https://orders.example.com", total_timeout: 10s}}
plans:
  - name: partners
    authentication: {jwt: {key_manager: main, audience: [orders]}}
    limits: [{requests: 100, per: 1m}]
operations:
  - match: GET /orders
  - match: POST /orders
    scopes: [orders.write]
"""


def test_a_good_api_has_no_findings() -> None:
    assert [] == found("apim:recommended", GOOD)


def test_apis_of_a_whole_configuration_are_looked_at_where_they_stand() -> None:
    text = "apis:\n  - {name: a, version: '1', context: /a/1, description: A, definition: a.yaml}\n"
    assert [("apim-plans", 2)] == [each for each in found("apim:recommended", text) if each[0] == "apim-plans"]


CHANGES = [
    ("apim-api-description", "description: Orders, and what becomes of them.", "description: ''", 4),
    ("apim-api-name", "name: orders", "name: our orders", 1),
    ("apim-api-version", 'version: "1.0"', "version: latest", 2),
    ("apim-api-definition", "definition: orders.openapi.yaml", "status: published", 1),
    ("apim-api-labels", "labels: [public]", "labels: []", 6),
    ("apim-api-hosts", "hosts: [api.example.com]", "hosts: []", 7),
    ("apim-context-lower-case", "/orders/1.0", "/Orders/1.0", 3),
    ("apim-context-not-root", "context: /orders/1.0", "context: /", 3),
    ("apim-context-version", "context: /orders/1.0", "context: /orders", 3),
    ("apim-plan-limits", "limits: [{requests: 100, per: 1m}]", "limits: []", 10),
    ("apim-token-audience", ", audience: [orders]", "", 11),
    ("apim-key-not-in-query", "{jwt: {key_manager: main, audience: [orders]}}", "{api-key: {query: key}}", 11),
    ("apim-no-basic", "{jwt: {key_manager: main, audience: [orders]}}", "{any: [{basic: {file: x}}]}", 11),
    ("apim-operation-catch-all", "match: GET /orders", "match: '* /*'", 14),
    ("apim-open-writes", "scopes: [orders.write]", "authentication: none", 15),
    ("apim-endpoint-https", "https://orders", "http://orders", 8),
    ("apim-endpoint-verified", "total_timeout: 10s", "total_timeout: 10s, tls: {verify: false}", 8),
    ("apim-endpoint-no-credentials", "orders.example.com", "orders.example.com?api_key=abc", 8),
    ("apim-endpoint-timeouts", ", total_timeout: 10s", "", 8),
    ("apim-endpoint-timeout-not-off", "total_timeout: 10s", "idle_timeout: 0s", 8),
]


@pytest.mark.parametrize(("rule", "before", "after", "line"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_rule_finds_what_it_is_for(rule: str, before: str, after: str, line: int) -> None:
    assert before in GOOD
    assert (rule, line) in found("apim:recommended", GOOD.replace(before, after, 1))


def test_a_plan_that_lets_everybody_in_needs_a_limit_and_only_reads() -> None:
    text = GOOD.replace("{jwt: {key_manager: main, audience: [orders]}}", "{keyless: {}}")
    assert [("apim-keyless-reads-only", 15)] == found("apim:recommended", text)
    unlimited = text.replace("limits: [{requests: 100, per: 1m}]", "limits: []")
    assert ("apim-keyless-limits", 10) in found("apim:recommended", unlimited)


def test_a_limit_in_a_flow_of_the_api_bounds_its_plans() -> None:
    text = GOOD.replace("limits: [{requests: 100, per: 1m}]", "limits: []")
    flow = "flows: {request: [{rate-limit: {requests: 10, per: 1s}}]}\n"
    assert [] == found("apim:recommended", text + flow)
    assert ("apim-plan-limits", 10) in found("apim:recommended", text + flow.replace("1s}}", "1s}, enabled: false}"))


def test_an_operation_that_writes_wants_a_scope_or_a_policy() -> None:
    text = GOOD.replace("definition: orders.openapi.yaml\n", "").replace("scopes: [orders.write]", "name: order")
    assert ("apim-write-scopes", 14) in found("apim:recommended", text)
    decided = text.replace("name: order", "flows: {request: [{opa: {}}]}")
    assert [] == [each for each in found("apim:recommended", decided) if each[0] == "apim-write-scopes"]


def test_credentials_for_the_backend_are_not_written_in_the_file() -> None:
    step = 'flows: {request: [{set-header: {name: Authorization, value: "Bearer x"}}]}\n'
    assert [("apim-header-secrets", 17)] == found("apim:recommended", GOOD + step)
    assert [] == found("apim:recommended", GOOD + step.replace("Bearer x", "Bearer ${env:TOKEN}"))


def test_cors_for_all_origins_has_no_credentials() -> None:
    step = "flows: {entry: [{cors: {origins: ['*'], credentials: true}}]}\n"
    assert [("apim-cors-credentials", 17)] == found("apim:recommended", GOOD + step)
    assert [] == found("apim:recommended", GOOD + step.replace("credentials: true", "credentials: false"))


def test_every_rule_says_what_it_is_for() -> None:
    rules = linter("apim:recommended")._ruleset.rules
    assert [] == [name for name, rule in rules.items() if not rule.description]


def test_the_quickstart_has_no_error() -> None:
    text = Path("examples/quickstart/apim.yaml").read_text("utf-8")
    assert [("apim-api-description", 22), ("apim-plan-limits", 31)] == [
        each for each in found("apim:recommended", text) if each[0] not in ("apim-api-hosts", "apim-api-labels")
    ]


@pytest.mark.parametrize("text", ["apis: [{context: 1}]", "name: a\ncontext: /\nplans: 3\noperations: [1, {match: 2}]"])
def test_what_is_no_configuration_at_all_is_survived(text: str) -> None:
    assert isinstance(found("apim:recommended", text), list)
