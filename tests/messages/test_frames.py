"""Frames of WebSocket: read strictly, wherever their bytes were split."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streaming import MASK, raw_frame

from apim_core.messages.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameReader,
    ProtocolError,
    frame,
    masked,
)

HELLO = bytes((0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58))
"""The masked text message of RFC 6455, section 5.7."""


def raw(opcode: int, payload: bytes = b"", *, mask: bool = True, **more: Any) -> bytes:
    return raw_frame(opcode, payload, mask=mask, **more)


def read(*chunks: bytes, sender: Literal["client", "server"] = "client", limit: int = 1000) -> list[tuple[int, bytes]]:
    """What a reader makes of chunks: opcodes and payloads; last ``(code, reason)`` where the protocol was broken."""
    reader = FrameReader(sender, limit)
    seen: list[tuple[int, bytes]] = []
    try:
        for chunk in chunks:
            for each in reader.read(chunk):
                seen.append((each.opcode, each.payload))  # noqa: PERF401  # what comes before an error is seen, too
    except ProtocolError as error:
        seen.append((error.code, error.reason.encode()))
    return seen


def code(*chunks: bytes, **more: Any) -> int:
    return read(*chunks, **more)[-1][0]


def test_the_example_of_the_standard_is_read() -> None:
    assert [(TEXT, b"Hello")] == read(HELLO)


def test_a_message_of_fragments_is_put_together_and_control_frames_between_them_come_first() -> None:
    parts = (raw(TEXT, b"Hel", final=False), raw(PING, b"?"), raw(CONTINUATION, b"l", final=False))

    assert [(PING, b"?"), (TEXT, b"Hello")] == read(*parts, raw(CONTINUATION, b"o"))


def test_a_whole_message_has_the_bytes_that_it_came_as_and_one_of_fragments_has_none() -> None:
    reader = FrameReader("client", 1000)
    whole, fragmented = list(reader.read(HELLO + raw(TEXT, b"a", final=False) + raw(CONTINUATION, b"b")))

    assert (HELLO, None) == (whole.raw, fragmented.raw)


def test_a_character_may_be_split_between_fragments() -> None:
    euro = "€".encode()

    assert [(TEXT, euro)] == read(raw(TEXT, euro[:1], final=False), raw(CONTINUATION, euro[1:]))


@pytest.mark.parametrize(
    ("sent", "closed_with"),
    [
        pytest.param(raw(TEXT, b"a", mask=False), 1002, id="unmasked"),
        pytest.param(raw(TEXT, b"a", reserved=0x40), 1002, id="rsv1, which compression would set"),
        pytest.param(raw(TEXT, b"a", reserved=0x20), 1002, id="rsv2"),
        pytest.param(raw(TEXT, b"a", reserved=0x10), 1002, id="rsv3"),
        pytest.param(raw(PING, reserved=0x40), 1002, id="rsv1 of a control frame"),
        *(pytest.param(raw(opcode), 1002, id=f"opcode {opcode}") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        pytest.param(raw(PING, final=False), 1002, id="fragmented control"),
        pytest.param(raw(PING, bytes(126)), 1002, id="large control"),
        pytest.param(raw(CONTINUATION, b"a"), 1002, id="nothing to continue"),
        pytest.param(raw(TEXT, final=False) + raw(TEXT), 1002, id="message in a message"),
        pytest.param(raw(TEXT, final=False) + raw(CONTINUATION) + raw(CONTINUATION), 1002, id="continued past its end"),
        pytest.param(b"\x82\xfe\x00\x7d" + MASK + bytes(125), 1002, id="125 in two bytes"),
        pytest.param(b"\x82\xff" + (65_535).to_bytes(8, "big"), 1002, id="65535 in eight bytes"),
        pytest.param(b"\x82\xff" + (1 << 63).to_bytes(8, "big"), 1002, id="length with its highest bit"),
        pytest.param(raw(TEXT, b"\xff"), 1007, id="no UTF-8"),
        pytest.param(raw(TEXT, b"\xed\xa0\x80"), 1007, id="surrogate"),
        pytest.param(raw(TEXT, b"\xe2\x82", final=False) + raw(CONTINUATION), 1007, id="half a character"),
        pytest.param(raw(BINARY, bytes(1001)), 1009, id="too large"),
        pytest.param(b"\x82\xff" + (1 << 40).to_bytes(8, "big"), 1009, id="announced too large"),
        pytest.param(raw(TEXT, bytes(600), final=False) + raw(CONTINUATION, bytes(401)), 1009, id="too large together"),
        pytest.param(raw(CLOSE, b"\x03"), 1002, id="half a code"),
        *(
            pytest.param(raw(CLOSE, number.to_bytes(2, "big")), 1002, id=f"closed with {number}")
            for number in (0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, 65_535)
        ),
        pytest.param(raw(CLOSE, b"\x03\xe8\xff"), 1007, id="reason is no UTF-8"),
    ],
)
def test_what_breaks_the_protocol_is_closed_with_its_code(sent: bytes, closed_with: int) -> None:
    assert closed_with == code(sent)
    assert closed_with == code(*(sent[place : place + 1] for place in range(len(sent))))


def test_what_a_server_masks_breaks_the_protocol() -> None:
    assert [(TEXT, b"a")] == read(raw(TEXT, b"a", mask=False), sender="server")
    assert 1002 == code(raw(TEXT, b"a"), sender="server")


def test_what_was_whole_before_an_error_is_still_read() -> None:
    assert [(TEXT, b"a"), (PING, b"")] == read(raw(TEXT, b"a") + raw(PING) + raw(3))[:2]


def test_a_message_of_the_largest_size_is_read() -> None:
    assert [(BINARY, bytes(1000))] == read(raw(BINARY, bytes(1000)))


def test_a_message_too_large_is_known_by_its_header_alone() -> None:
    assert 1009 == code(raw(BINARY, bytes(100_000))[:10])


def test_endless_empty_fragments_come_to_an_end() -> None:
    assert 1009 == code(raw(TEXT, final=False), *([raw(CONTINUATION, final=False)] * 2000))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("mask", [False, True])
def test_a_written_frame_is_read_again(size: int, mask: bool) -> None:
    payload = bytes(number % 251 for number in range(size))
    written = frame(BINARY, payload, mask=mask)

    assert [(BINARY, payload)] == read(written, sender="client" if mask else "server", limit=100_000)
    if not mask:
        assert raw(BINARY, payload, mask=False) == written


def test_each_masked_frame_has_a_key_of_its_own() -> None:
    keys = {frame(TEXT, b"", mask=True)[2:6] for _ in range(20)}

    assert len(keys) > 15


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_a_mask_is_the_one_of_the_standard(payload: bytes, key: bytes) -> None:
    assert bytes(each ^ key[place % 4] for place, each in enumerate(payload)) == masked(payload, key)


messages = st.lists(
    st.one_of(
        st.tuples(st.just(TEXT), st.lists(st.text(max_size=40).map(str.encode), min_size=1, max_size=4)),
        st.tuples(st.just(BINARY), st.lists(st.binary(max_size=300), min_size=1, max_size=4)),
        st.tuples(st.sampled_from((PING, PONG)), st.lists(st.binary(max_size=125), min_size=1, max_size=1)),
    ),
    max_size=6,
)


def written(sent: list[tuple[int, list[bytes]]]) -> bytes:
    """Messages as their sender writes them, in as many frames as they have parts."""
    return b"".join(
        raw(opcode if not number else CONTINUATION, part, final=number == len(parts) - 1)
        for opcode, parts in sent
        for number, part in enumerate(parts)
    )


@given(messages, st.data())
def test_any_splitting_gives_the_same_messages(sent: list[tuple[int, list[bytes]]], data: st.DataObject) -> None:
    stream = written(sent)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=20)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert [(opcode, b"".join(parts)) for opcode, parts in sent] == read(*chunks, limit=2000)


@given(st.binary(max_size=300), st.data())
def test_any_bytes_are_read_or_refused_alike_however_they_were_split(stream: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stream)))

    assert read(stream) == read(stream[:cut], stream[cut:])
