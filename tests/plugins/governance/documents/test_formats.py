"""Formats: what a document is."""

from __future__ import annotations

from typing import Any

import pytest
from apim_governance.documents.formats import formats_of


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ({"wso2-api"}, {"type": "api", "data": {"name": "a", "context": "/a"}}),
        ({"wso2-api"}, {"name": "a", "context": "/a", "operations": [{"verb": "GET", "target": "/"}]}),
        ({"apim-api"}, {"name": "a", "context": "/a", "operations": [{"match": "GET /"}]}),
        ({"apim-configuration"}, {"apis": [{"name": "a", "context": "/a"}]}),
        ({"gravitee-proxy"}, {"api": {"definitionVersion": "V4", "type": "PROXY", "listeners": []}}),
        ({"gravitee-message"}, {"gravitee": "4.0.0", "type": "message", "listeners": []}),
        ({"gravitee-native"}, {"definitionVersion": "4.0.0", "type": "native"}),
        (set(), {"gravitee": "2.0.0", "type": "proxy"}),
        (set(), {"name": "a", "context": "/a"}),
        (set(), {"apis": []}),
    ],
)
def test_a_document_is_known_by_what_it_has(expected: set[str], data: Any) -> None:
    assert expected == formats_of(data)


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ({"oas3", "oas3.0"}, {"openapi": "3.0.3"}),
        ({"oas3"}, {"openapi": "3.9"}),
        ({"oas3", "oas3.1"}, {"openapi": ["3.1.0"]}),  # a list of one is written as that one
        ({"oas2"}, {"swagger": 2}),
        ({"oas2"}, {"swagger": "2beta"}),
        (set(), {"swagger": "20"}),
        ({"aas2", "aas2.6"}, {"asyncapi": "2.6.1"}),
        ({"aas2"}, {"asyncapi": "2.7.0"}),
        (set(), {"asyncapi": "2.6"}),
        ({"aas3"}, {"asyncapi": "3.12.0"}),
        ({"json-schema-loose"}, {"if": {}}),
        ({"json-schema-loose"}, {"type": ["string", "null"]}),
        (set(), {"type": "any"}),
        ({"json-schema", "json-schema-loose"}, {"$schema": "http://json-schema.org/schema"}),
        (
            {"json-schema", "json-schema-loose", "json-schema-2020-12"},
            {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        ),
    ],
)
def test_published_formats_are_known_as_spectral_knows_them(expected: set[str], data: Any) -> None:
    assert expected == formats_of(data)
