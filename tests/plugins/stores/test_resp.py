"""The protocol of Redis: any reply arrives as it was sent, however it was cut, and what is none is refused."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from apim_stores.resp import Broken, Parser, ReplyError, command, numbers_in
from hypothesis import given
from hypothesis import strategies as st

texts = st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=20)
replies = st.recursive(
    st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=40)
    | st.none()
    | texts.map(ReplyError)
    | texts.map(lambda text: ("status", text)),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=30,
)


def written(reply: Any) -> bytes:
    """A reply as a server sends it."""
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    if isinstance(reply, ReplyError):
        return b"-%b\r\n" % str(reply).encode()
    if isinstance(reply, tuple):
        return b"+%b\r\n" % reply[1].encode()
    return b"*%d\r\n%b" % (len(reply), b"".join(map(written, reply)))


def plain(reply: Any) -> Any:
    """A reply in a form that compares."""
    if isinstance(reply, ReplyError):
        return "error", str(reply)
    if isinstance(reply, tuple):
        return reply[1].encode()
    return [plain(each) for each in reply] if isinstance(reply, list) else reply


@given(sent=st.lists(replies, max_size=6), cuts=st.lists(st.integers(0, 500), max_size=10))
def test_replies_arrive_as_they_were_sent_however_the_bytes_are_cut(sent: list[Any], cuts: list[int]) -> None:
    data = b"".join(map(written, sent))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parser = Parser()

    arrived = [reply for start, end in itertools.pairwise(edges) for reply in parser.feed(data[start:end])]

    assert [plain(reply) for reply in sent] == [plain(reply) for reply in arrived]


@given(
    chunks=st.lists(st.binary(max_size=60) | st.sampled_from([b"*3\r\n", b"$5\r\n", b":1\r\n", b"\r\n"]), max_size=8)
)
def test_any_bytes_are_replies_or_refused(chunks: list[bytes]) -> None:
    parser = Parser()
    try:
        for chunk in chunks:
            list(parser.feed(chunk))
    except Broken:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"!5\r\n",
        b"\r\n",
        b":\r\n",
        b":1.5\r\n",
        b":" + b"9" * 5000 + b"\r\n",
        b"$-2\r\n",
        b"$99999999999\r\n",
        b"$3\r\nabcde",
        b"*-2\r\n",
        b"*99999999999\r\n",
        b"*1\r\n" * 9,
        b"+" + b"x" * 70_000,
    ],
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(Broken):
        list(Parser().feed(data))


def test_a_command_is_an_array_of_its_arguments() -> None:
    assert b"*2\r\n$3\r\nGET\r\n$4\r\n\r\n\x00\xff\r\n" == command(b"GET", b"\r\n\x00\xff")


def test_an_error_begins_with_its_code() -> None:
    (error,) = Parser().feed(b"-MOVED 3999 127.0.0.1:6381\r\n")

    assert isinstance(error, ReplyError)
    assert "MOVED" == error.code


@pytest.mark.parametrize("reply", [None, b"1", [1], [1, b"2"], [1, None], ["1", 2], [1, [2]], [1, 2, 3]])
def test_an_answer_that_is_not_so_many_numbers_is_refused(reply: Any) -> None:
    assert [1, 2] == numbers_in([1, 2], 2)
    with pytest.raises(Broken):
        numbers_in(reply, 2)
