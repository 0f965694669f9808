"""The scopes that an operation asks for."""

from typing import Any

import pytest

from apim_core.definitions.security import scopes_of

OPENAPI = {
    "security": [{"oauth": ["read"]}],
    "components": {
        "securitySchemes": {
            "oauth": {"type": "oauth2"},
            "oidc": {"type": "openIdConnect"},
            "key": {"type": "apiKey"},
            "mutual": {"type": "mutualTLS"},
        }
    },
}


@pytest.mark.parametrize(
    ("operation", "scopes"),
    [
        ({}, ("read",)),
        ({"security": [{"oauth": ["write"]}]}, ("write",)),
        ({"security": [{"oauth": ["a", "b"]}, {"oidc": ["b", "c"]}]}, ("a", "b", "c")),
        ({"security": [{"oauth": ["a"], "key": []}]}, ("a",)),
        ({"security": []}, ()),
        ({"security": [{"oauth": ["a"]}, {}]}, ()),
        ({"security": [{"key": ["a-role"]}, {"mutual": ["a-role"]}]}, ()),
        ({"security": [{"unknown": ["a"]}]}, ()),
        ({"security": "oauth"}, ()),
        ({"security": [["oauth"], {"oauth": "a"}, {"oauth": [7, "a"]}]}, ("a",)),
    ],
)
def test_scopes_are_those_of_oauth_and_openid_connect(operation: dict[str, Any], scopes: tuple[str, ...]) -> None:
    assert scopes == scopes_of(OPENAPI, operation)


def test_swagger_2_keeps_its_schemes_elsewhere() -> None:
    document = {"swagger": "2.0", "securityDefinitions": {"oauth": {"type": "oauth2"}}}

    assert ("read",) == scopes_of(document, {"security": [{"oauth": ["read"]}]})
