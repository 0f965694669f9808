"""Where things stand that references lead to."""

from __future__ import annotations

import json
from typing import Any

from apim_governance.documents.document import read_document
from apim_governance.documents.resolving import resolve


def origin(data: Any, *path: str | int) -> tuple[str | int, ...]:
    return resolve(read_document(json.dumps(data))).origin(path).path


def test_what_a_reference_leads_to_stands_there() -> None:
    assert ("b",) == origin({"a": {"$ref": "#/b"}, "b": {"c": 1}}, "a")


def test_a_reference_into_a_circle_stays_where_it_is_written() -> None:
    assert ("a", "b") == origin({"a": {"b": {"$ref": "#/a"}}}, "a", "b")
    assert ("a",) == origin({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}, "a")
