"""Events of an event stream: read as the standard says, wherever their bytes were split."""

from __future__ import annotations

import pytest
from apim_sdk import Message
from hypothesis import given
from hypothesis import strategies as st

from apim_core.messages.event_blocks import EventReader, EventTooLarge, event_bytes

Read = tuple[bytes, str, str | None, int | None]


def events(*chunks: bytes, limit: int = 1000) -> list[Read]:
    """The events of a stream: data, type, id, time to reconnect."""
    reader = EventReader(limit)
    blocks = [block for chunk in chunks for block in reader.read(chunk)]
    assert b"".join(chunks) == b"".join(block.raw for block in blocks) + reader.rest()
    return [(event.data, event.event, event.id, event.retry) for event in (block.event for block in blocks) if event]


def of(stream: bytes) -> list[bytes]:
    """The data of the events of a stream that came a byte at a time."""
    return [event[0] for event in events(*(stream[place : place + 1] for place in range(len(stream))))]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_ends_with_any_of_the_three(end: bytes) -> None:
    stream = b"data: a%bdata: b%b%bdata:c%b%b".replace(b"%b", end)

    assert [b"a\nb", b"c"] == of(stream) == [event[0] for event in events(stream)]


def test_ends_of_lines_may_be_mixed() -> None:
    assert [b"a", b"b", b"c"] == of(b"data:a\r\n\ndata:b\n\r\ndata:c\r\r\n")


@pytest.mark.parametrize("stream", [b"data: a\n\n", b"data: a\r\r", b"data: a\r\n\r"])
def test_an_event_is_whole_with_the_end_of_its_empty_line(stream: bytes) -> None:
    assert [] == events(stream[:-1])
    assert [b"a"] == of(stream)


def test_a_line_feed_behind_a_return_that_ended_an_event_belongs_to_it() -> None:
    assert [b"a", b"b"] == [event[0] for event in events(b"data:a\r\n\r", b"\ndata:b\n\n")]
    assert [b"a", b"b"] == [event[0] for event in events(b"data:a\r\n\r", b"\n", b"data:b\n\n")]


def test_fields_are_those_of_the_standard() -> None:
    stream = b"id: 7\nevent: price\nretry: 100\ndata:  two spaces\ndata\nignored: x\n: comment\nDATA: no\n\n"

    assert [(b" two spaces\n", "price", "7", 100)] == events(stream)


def test_the_last_of_a_field_counts_and_wrong_ones_are_left_out() -> None:
    stream = b"event: a\nevent: b\nid: 1\nid: \0\nretry: 1x\nretry: \ndata: x\n\n"

    assert [(b"x", "b", "1", None)] == events(stream)


def test_an_empty_id_is_an_id() -> None:
    assert [(b"", "", "", None)] == events(b"id\ndata\n\n")


@pytest.mark.parametrize("stream", [b": ping\n\n", b"retry: 5\n\n", b"id: 3\n\n", b"event: x\n\n", b"\n\n\n", b"\r\n"])
def test_what_has_no_data_is_no_event(stream: bytes) -> None:
    assert [] == events(stream)


@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_byte_order_mark_at_the_start_is_no_part_of_a_field(split: int) -> None:
    stream = b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n"

    assert [b"a"] == [event[0] for event in events(stream[:split], stream[split:])]


def test_what_is_not_whole_at_the_end_is_kept_as_it_is() -> None:
    reader = EventReader(100)

    assert [b"data: a\n\n"] == [block.raw for block in reader.read(b"data: a\n\ndata: half\n")]
    assert b"data: half\n" == reader.rest()


@pytest.mark.parametrize("chunks", [[b"data: " + bytes(95)], [b"data: " + bytes(95) + b"\n\n"], [b"a" * 50] * 3])
def test_an_event_that_is_too_large_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(EventTooLarge, match="larger than 100 bytes"):
        events(*chunks, limit=100)


def test_many_small_events_in_a_chunk_are_not_too_large() -> None:
    assert 100 == len(events(b"data: x\n\n" * 100, limit=10))


def message(data: bytes, event: str = "", id: str | None = None, retry: int | None = None) -> Message:  # noqa: A002  # the standard's word
    return Message("to_client", "event", data, event=event, id=id, retry=retry)


lines = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)), max_size=20)


@given(st.lists(lines, min_size=1, max_size=4), lines, st.none() | lines, st.none() | st.integers(0, 10**6))
def test_a_written_event_is_read_again(data: list[str], event: str, id: str | None, retry: int | None) -> None:  # noqa: A002  # as above
    content = "\n".join(data).encode()

    assert [(content, event, id, retry)] == events(event_bytes(message(content, event, id, retry)))


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_data_with_other_ends_of_lines_makes_no_other_fields(end: bytes) -> None:
    assert [(b"a\nid: 1\n\nb", "", None, None)] == events(event_bytes(message(end.join((b"a", b"id: 1", b"", b"b")))))


@pytest.mark.parametrize("wrong", [{"event": "a\nb"}, {"id": "a\rdata: b"}])
def test_a_type_or_an_id_of_two_lines_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be one line"):
        event_bytes(message(b"", **wrong))  # type: ignore[arg-type]


pieces = st.lists(
    st.sampled_from([b"data: x", b"data", b": c", b"id: 1", b"event:e", b"a", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf"]),
    max_size=30,
)


@given(pieces, st.data())
def test_any_splitting_gives_the_same_events_and_loses_no_byte(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert events(stream) == events(*chunks)


@given(pieces)
def test_events_are_those_that_lines_read_one_by_one_make(parts: list[bytes]) -> None:
    stream = b"".join(parts)

    assert by_lines(stream) == [event[0] for event in events(stream)]


def by_lines(stream: bytes) -> list[bytes]:
    """The data of the events of a whole stream, line by line as section 9.2.6 of the standard has it."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found: list[bytes] = []
    data: list[bytes] = []
    for line in text.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        if not line and data:
            found.append(b"\n".join(data))
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    return found
