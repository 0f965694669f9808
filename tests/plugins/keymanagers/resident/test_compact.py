"""How the server writes JSON and base64url."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from apim_keymanagers.resident.compact import base64url, compact_json
from hypothesis import given
from hypothesis import strategies as st


@given(st.binary(max_size=100))
def test_base64url_is_that_of_the_library_without_padding(data: bytes) -> None:
    written = base64url(data)
    assert urlsafe_b64encode(data).rstrip(b"=") == written
    assert data == urlsafe_b64decode(written + b"=" * (-len(written) % 4))


def test_json_has_no_spaces_and_only_ascii() -> None:
    assert '{"a":[1,"\\u00fc"]}' == compact_json({"a": [1, "ü"]})
