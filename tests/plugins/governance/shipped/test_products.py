"""Definitions of other gateways: which formats they are, and what the rulesets for them find."""

from __future__ import annotations

import json
from typing import Any

import pytest
from apim_governance.documents.formats import formats_of
from support.linting import found

WSO2 = """\
type: api
version: v4.7.0
data:
  name: PizzaShackAPI
  context: /pizzashack
  version: 1.0.0
  description: Pizzas
  tags: [pizza]
  transport: [http, https]
  policies: [Gold]
  securityScheme: [oauth2]
  businessInformation: {businessOwner: Jane Roe, technicalOwner: John Doe}
  endpointConfig:
    endpoint_type: http
    production_endpoints: {url: 'https://pizza.example.com'}
    endpoint_security: {production: {type: BASIC, username: u, password: $PASSWORD}}
  operations:
    - {target: /menu, verb: GET, authType: None}
    - {target: /order, verb: POST, authType: Application}
"""
GRAVITEE: dict[str, Any] = {
    "export": {"apimVersion": "4.6"},
    "api": {
        "definitionVersion": "V4",
        "type": "PROXY",
        "name": "Orders",
        "apiVersion": "1.0",
        "description": "Orders",
        "listeners": [{"type": "HTTP", "entrypoints": [{"type": "http-proxy"}]}],
        "endpointGroups": [
            {"endpoints": [{"configuration": {"target": "https://orders.example.com"}}], "sharedConfiguration": {}}
        ],
        "flows": [{"request": [{"policy": "rate-limit"}]}],
    },
    "plans": [{"name": "Keys", "description": "For partners", "security": {"type": "API_KEY"}}],
}


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ({"wso2-api"}, {"type": "api", "data": {"name": "a", "context": "/a"}}),
        ({"wso2-api"}, {"name": "a", "context": "/a", "operations": [{"verb": "GET", "target": "/"}]}),
        ({"apim-api"}, {"name": "a", "context": "/a", "operations": [{"match": "GET /"}]}),
        ({"apim-configuration"}, {"apis": [{"name": "a", "context": "/a"}]}),
        ({"gravitee-proxy"}, GRAVITEE),
        ({"gravitee-message"}, {"gravitee": "4.0.0", "type": "message", "listeners": []}),
        ({"gravitee-native"}, {"definitionVersion": "4.0.0", "type": "native"}),
        (set(), {"gravitee": "2.0.0", "type": "proxy"}),
        (set(), {"name": "a", "context": "/a"}),
        (set(), {"apis": []}),
    ],
)
def test_a_document_is_known_by_what_it_has(expected: set[str], data: Any) -> None:
    assert expected == formats_of(data)


def test_a_good_wso2_project_has_no_findings() -> None:
    assert [] == found("wso2:recommended", WSO2)


@pytest.mark.parametrize(
    ("rule", "before", "after", "line"),
    [
        ("wso2-api-description", "description: Pizzas", "description: ''", 7),
        ("wso2-api-name", "PizzaShackAPI", "Pizza Shack", 4),
        ("wso2-api-context", "/pizzashack", "/PizzaShack", 5),
        ("wso2-api-owners", "businessOwner: Jane Roe, ", "", 12),
        ("wso2-api-tags", "tags: [pizza]", "tags: []", 8),
        ("wso2-api-policies", "policies: [Gold]", "policies:", 10),
        ("wso2-unlimited-only", "[Gold]", "[Unlimited]", 10),
        ("wso2-security-scheme", "[oauth2]", "[]", 11),
        ("wso2-transport-https", "[http, https]", "[http]", 9),
        ("wso2-endpoint-https", "https://pizza", "http://pizza", 15),
        ("wso2-endpoint-secrets", "$PASSWORD", "admin", 16),
        ("wso2-open-writes", "authType: Application", "authType: None", 19),
    ],
)
def test_a_rule_for_wso2_projects_finds_what_it_is_for(rule: str, before: str, after: str, line: int) -> None:
    assert (rule, line) in found("wso2:recommended", WSO2.replace(before, after, 1))


def test_a_good_gravitee_definition_has_no_findings() -> None:
    assert [] == found("gravitee:recommended", json.dumps(GRAVITEE))


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("gravitee-api-description", '"description": "Orders"', '"description": ""'),
        ("gravitee-api-version", '"apiVersion": "1.0", ', ""),
        ("gravitee-plan-keyless", "API_KEY", "KEY_LESS"),
        ("gravitee-plan-description", '"description": "For partners", ', ""),
        ("gravitee-proxy-limit", "rate-limit", "transform-headers"),
        ("gravitee-target-https", "https:", "http:"),
        ("gravitee-trust-all", '"sharedConfiguration": {}', '"sharedConfiguration": {"ssl": {"trustAll": true}}'),
        (
            "gravitee-verify-host",
            '"sharedConfiguration": {}',
            '"sharedConfiguration": {"ssl": {"hostnameVerifier": false}}',
        ),
        (
            "gravitee-read-timeout",
            '"sharedConfiguration": {}',
            '"sharedConfiguration": {"http": {"readTimeout": 90000}}',
        ),
        ("gravitee-payload-logging", '"flows"', '"analytics": {"logging": {"content": {"payload": true}}}, "flows"'),
    ],
)
def test_a_rule_for_gravitee_definitions_finds_what_it_is_for(rule: str, before: str, after: str) -> None:
    text = json.dumps(GRAVITEE)
    assert before in text
    assert [rule] == [code for code, _ in found("gravitee:recommended", text.replace(before, after, 1))]


def test_native_apis_need_access_lists_and_encryption() -> None:
    shared = {"security": {"protocol": "PLAINTEXT"}}
    groups = [{"endpoints": [{"configuration": {}}], "sharedConfiguration": shared}]
    native = {**GRAVITEE["api"], "type": "NATIVE", "endpointGroups": groups}
    assert {"gravitee-native-encryption", "gravitee-native-acl"} == {
        code for code, _ in found("gravitee:recommended", json.dumps({**GRAVITEE, "api": native}))
    }


def test_resources_of_gravitee_definitions_check_certificates_too() -> None:
    resource = {"type": "oauth2", "configuration": {"ssl": {"trustAll": True}}}
    text = json.dumps({**GRAVITEE, "api": {**GRAVITEE["api"], "resources": [resource]}})
    assert ["gravitee-trust-all"] == [code for code, _ in found("gravitee:recommended", text)]
