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
