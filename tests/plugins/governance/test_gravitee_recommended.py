"""Definitions of Gravitee: what the ruleset for them finds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.linting import found

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
