"""API projects of WSO2: what the ruleset for them finds."""

from __future__ import annotations

import pytest
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
