"""What questions and answers are as bytes, and what of it is believed."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apim_sdk import Grant, Limit
from apim_sdk.counting import ALGORITHMS, NEVER
from hypothesis import given
from hypothesis import strategies as st

from apim_core.counters.messages import (
    DECLARE,
    GRANT,
    Broken,
    Messages,
    answers_of,
    framed,
    limit_of,
    pack_answer,
    questions_of,
    settings_of,
)


@given(messages=st.lists(st.binary(max_size=40), max_size=8), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_messages_arrive_whole_however_the_bytes_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(framed, messages))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    taken = Messages()

    arrived = [message for start, end in itertools.pairwise(edges) for message in taken.feed(data[start:end])]

    assert messages == arrived


def test_a_message_that_is_too_long_is_refused_before_it_has_come() -> None:
    with pytest.raises(Broken, match="too long"):
        list(Messages().feed(b"\xff\xff\xff\xff"))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=5, minutes=45))])
def test_a_limit_arrives_as_it_was(algorithm: str, zone: Any) -> None:
    limit = Limit(7, 60.5, algorithm, count_refused=True, zone=zone)

    assert limit == limit_of(json.loads(json.dumps(settings_of(limit))))


def test_a_window_of_the_calendar_arrives_as_it_was() -> None:
    limit = Limit(7, 86400.0, "fixed-window", calendar="day", zone=ZoneInfo("Asia/Tokyo"))

    assert limit == limit_of(json.loads(json.dumps(settings_of(limit))))


def test_answers_arrive_as_they_were() -> None:
    grants = [Grant(3, 0.0, 4, 1.5), Grant(0, NEVER, 0, 0.25)]

    assert grants == answers_of(b"".join(pack_answer(*(g.units, g.wait, g.remaining, g.reset)) for g in grants))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"{}",
        b"[1]",
        b"[" * 100_000,
        json.dumps([GRANT, 0, 7, 1, 1]).encode(),
        json.dumps([GRANT, -1, "k", 1, 1]).encode(),
        json.dumps([GRANT, 1 << 40, "k", 1, 1]).encode(),
        json.dumps([GRANT, 0, "k" * 513, 1, 1]).encode(),
        json.dumps([GRANT, 0, "k", 1.5, 1]).encode(),
        json.dumps([GRANT, 0, "k", 1, 1 << 60]).encode(),
        json.dumps([True, 0, "k", 1, 1]).encode(),
    ],
)
def test_what_is_no_question_is_refused(message: bytes) -> None:
    with pytest.raises(Broken):
        list(questions_of(message))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(
    settings=json_values
    | st.tuples(
        st.integers() | json_values,
        st.floats() | json_values,
        st.sampled_from(ALGORITHMS) | json_values,
        st.integers() | json_values,
        st.sampled_from([None, "day"]) | json_values,
        st.booleans() | json_values,
        st.sampled_from(["UTC", "../etc/passwd", "No/Where", 1e300]) | json_values,
    ).map(list)
)
def test_a_declaration_holds_a_limit_or_is_refused(settings: Any) -> None:
    try:
        limit = limit_of(settings)
    except Broken:
        return
    assert limit == limit_of(json.loads(json.dumps(settings_of(limit))))


@given(message=st.binary(max_size=100))
def test_any_bytes_are_answers_or_refused(message: bytes) -> None:
    try:
        assert len(message) == 32 * len(answers_of(message))
    except Broken:
        assert len(message) % 32


def test_a_declaration_may_have_a_longer_name_than_a_key() -> None:
    message = json.dumps([DECLARE, 0, "n" * 2000, settings_of(Limit(1, 1.0)), 0]).encode()

    assert ["n" * 2000] == [key for _, _, key, _, _ in questions_of(message)]
