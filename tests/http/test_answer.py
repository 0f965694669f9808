"""The head of an answer is the same bytes, whether its fields were prepared or not."""

from __future__ import annotations

import pytest
from apim_sdk import Headers, PreparedHeaders, Response

from apim_core.http.answer import answer_bytes


@pytest.mark.parametrize(
    "fields",
    [
        [("Date", "now"), ("X-A", "1"), ("X-A", "2")],
        [("X-A", "1"), ("Date", "now"), ("Content-Length", "99"), ("Connection", "close")],
        [("X-A", "1")],
        [("Content-Length", "99")],
        [],
    ],
)
def test_prepared_fields_are_written_as_any(fields: list[tuple[str, str]]) -> None:
    prepared = PreparedHeaders.of(Headers(fields))
    plain = answer_bytes(Response(200, Headers(fields)), b"Date: then", (b"Content-Length: 2",), b"hi")

    for _ in range(2):
        assert plain == answer_bytes(Response(200, prepared.share()), b"Date: then", (b"Content-Length: 2",), b"hi")


def test_what_is_changed_afterwards_is_written_as_it_is() -> None:
    prepared = PreparedHeaders.of(Headers([("Date", "now"), ("X-A", "1")]))
    answer_bytes(Response(200, prepared.share()), b"", ())
    changed = prepared.share()
    changed.set("X-A", "2")

    assert b"X-A: 2" in answer_bytes(Response(200, changed), b"", ())
    assert b"X-A: 1" in answer_bytes(Response(200, prepared.share()), b"", ())
