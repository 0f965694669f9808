"""The structure of documents of AsyncAPI and of security definitions of OpenAPI 2, one mistake each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from apim_governance.documents.document import read_document

from tests.support.linting import linter

STRUCTURE = ("asyncapi-schema", "asyncapi-3-document-resolved", "asyncapi-3-document-unresolved", "oas2-schema")
Told = list[tuple[str, str]]


def told(ruleset: str, document: dict[str, Any]) -> Told:
    findings = linter(ruleset).lint(read_document(json.dumps(document)))
    return [("/".join(map(str, each.path)), each.message) for each in findings if each.code in STRUCTURE]


def two(version: str, **members: Any) -> dict[str, Any]:
    return {"asyncapi": version, "info": {"title": "Orders", "version": "1"}, "channels": {}, **members}


def three(version: str = "3.0.0", **members: Any) -> dict[str, Any]:
    return {"asyncapi": version, "info": {"title": "Orders", "version": "1"}, **members}


SERVER = {"url": "example.com", "protocol": "ws", "tags": [{"name": "a"}]}
MESSAGE = {"messageId": "placed", "payload": {"type": "object"}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (two("2.6.0", servers={"one": SERVER}), []),
        (
            two("2.4.0", servers={"one": SERVER}),
            [("servers/one/tags", 'Property "tags" is not expected to be here')],
        ),
        (two("2.4.0", channels={"a": {"publish": {"message": MESSAGE}}}), []),
        (
            two("2.3.0", channels={"a": {"publish": {"message": MESSAGE}}}),
            [
                ("channels/a/publish/message", '"message" property must have required property "oneOf"'),
                ("channels/a/publish/message/payload", 'Property "payload" is not expected to be here'),
                ("channels/a/publish/message/messageId", 'Property "messageId" is not expected to be here'),
            ],
        ),
        (
            two("2.6.1"),
            [
                (
                    "asyncapi",
                    '"asyncapi" property must be equal to one of the allowed values: "2.6.0". Did you mean "2.6.0"?',
                )
            ],
        ),
        (two("2.7.0", servers=1), []),  # no such version is known
        (
            {"asyncapi": "2.0.0", "channels": {}, "info": {}},
            [("info", '"info" property must have required property "version"')],
        ),
        (
            two("2.0.0", tags=[{"name": "a"}, {"name": "a"}]),
            [("tags", '"tags" property must not have duplicate items (items ## 0 and 1 are identical)')],
        ),
        (
            two("2.6.0", components={"securitySchemes": {"one": {"type": "http"}}}),
            [
                (
                    "components/securitySchemes/one/type",
                    '"type" property must be equal to one of the allowed values: "userPassword", "apiKey", '
                    '"httpApiKey", "oauth2", "openIdConnect". Did you mean "oauth2"?',
                ),
                ("components/securitySchemes/one", '"one" property must have required property "in"'),
                ("components/securitySchemes/one", '"one" property must have required property "openIdConnectUrl"'),
                ("components/securitySchemes/one", '"one" property must not be valid'),
            ],
        ),
        (
            two("2.6.0", channels={"a": {"publish": {"message": {"payload": {"type": 1}}}}}),
            [
                ("channels/a/publish/message", '"message" property must have required property "oneOf"'),
                ("channels/a/publish/message", '"message" property must match "then" schema'),
                ("channels/a/publish/message/payload", 'Property "payload" is not expected to be here'),
                (
                    "channels/a/publish/message/payload/type",
                    '"type" property must be equal to one of the allowed values: "array", "boolean", "integer", '
                    '"null", "number", "object", "string"',
                ),
            ],
        ),
        (three(), []),
        (three("3.2.0"), []),
        (
            three(channels={"a": {"bindings": {"carrier": {}}}}),
            [("channels/a/bindings/carrier", 'Property "carrier" is not expected to be here')],
        ),
        (
            three(operations={"a": {"action": "send", "channel": {"address": "b"}}}),
            [],
        ),
    ],
)
def test_a_document_of_asyncapi_is_held_against_its_own_version(document: dict[str, Any], expected: Told) -> None:
    assert sorted(expected) == sorted(told("spectral:asyncapi", document))


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        ({"key": {"type": "apiKey", "name": "x", "in": "header"}}, []),
        ({"key": {"type": "apiKey", "name": "x"}}, [("securityDefinitions", "Invalid security securityDefinitions.")]),
        ({"key": "x"}, [("securityDefinitions", "Invalid security securityDefinitions.")]),
        (
            {"basic": {"type": "basic", "more": 1}},
            [("securityDefinitions/basic", "Invalid basic authentication security definition.")],
        ),
    ],
)
def test_wrong_security_definitions_of_openapi_2_are_told_as_one(definitions: Any, expected: Told) -> None:
    document = {"swagger": "2.0", "info": {"title": "a", "version": "1"}, "paths": {}}

    assert sorted(expected) == sorted(told("spectral:oas", {**document, "securityDefinitions": definitions}))
