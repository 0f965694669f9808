"""The library that reads structured fields for signatures does what RFC 9651 says of dictionaries, items and lists."""

from __future__ import annotations

import base64
import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import http_sf
import pytest

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "conformance" / "http-structured-fields"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(VECTORS.glob("*.json"))
    for case in json.loads(file.read_text())
]

pytestmark = pytest.mark.skipif(not CASES, reason="the vectors of RFC 9651 are not there")


def plain(value: Any) -> Any:
    """What the library made, as the vectors write it."""
    if isinstance(value, dict):
        return [[name, plain(member)] for name, member in value.items()]
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return {"__type": "binary", "value": base64.b32encode(value).decode()}
    if isinstance(value, http_sf.Token):
        return {"__type": "token", "value": str(value)}
    if isinstance(value, http_sf.DisplayString):
        return {"__type": "displaystring", "value": str(value)}
    if isinstance(value, datetime.datetime):
        return {"__type": "date", "value": int(value.timestamp())}
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("case", CASES)
def test_a_field_is_read_as_the_vectors_say(case: dict[str, Any]) -> None:
    raw = ", ".join(case["raw"]).encode()
    try:
        parsed = http_sf.parse(raw, tltype=case["header_type"])
    except http_sf.StructuredFieldError:
        assert case.get("must_fail") or case.get("can_fail")
        return
    assert not case.get("must_fail")
    assert case["expected"] == plain(parsed)
