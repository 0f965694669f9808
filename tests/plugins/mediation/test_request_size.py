"""Bodies that are too large do not come through."""

from __future__ import annotations

from typing import Any

import pytest
from apim_mediation.request_size import RequestSize
from apim_sdk.errors import CONTENT_TOO_LARGE, LENGTH_REQUIRED
from apim_sdk.testing import Outcome, build, call, make_exchange
from hypothesis import given, settings
from hypothesis import strategies as st


def sent(body: bytes | list[bytes], **options: Any) -> Outcome:
    return call(build(RequestSize, {"max": 10, **options}), make_exchange("POST /", body=body), flow="entry")


def test_a_body_of_just_that_size_passes() -> None:
    assert 200 == sent(b"x" * 10).status


def test_a_declared_length_is_refused_before_anything_is_sent_on() -> None:
    outcome = sent(b"x" * 11)

    assert outcome.fault is not None
    assert (CONTENT_TOO_LARGE, False) == (outcome.fault.kind, outcome.reached_endpoint)
    assert "The body of the request is larger than 10 bytes" == outcome.fault.description


@given(chunks=st.lists(st.binary(min_size=1, max_size=6), max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_body_of_unknown_length_is_counted_as_it_comes(chunks: list[bytes]) -> None:
    outcome = sent(chunks)

    assert (413 if len(b"".join(chunks)) > 10 else 200) == outcome.status
    if outcome.fault is None:
        assert b"".join(chunks) == outcome.exchange.request.body.data


def test_a_request_without_a_body_passes_where_a_length_is_required() -> None:
    assert 200 == sent(b"", require_length=True).status


def test_a_body_that_declares_no_length_is_refused_where_one_is_required() -> None:
    fault = sent([b"x"], require_length=True).fault

    assert fault is not None
    assert LENGTH_REQUIRED == fault.kind


def test_sizes_are_written_with_their_unit() -> None:
    assert 1024 * 1024 == build(RequestSize, {"max": "1MiB"}).max


def test_a_policy_without_a_size_is_refused() -> None:
    with pytest.raises(Exception, match="max"):
        build(RequestSize, {})
