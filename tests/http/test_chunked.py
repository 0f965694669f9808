import itertools

import pytest
from apim_sdk.errors import Fault
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.chunked import ChunkedDecoder


def decode(data, *, extensions=4096, trailers=8192, cuts=()):
    """Content, rest and whether the body has ended."""
    decoder = ChunkedDecoder(extensions, trailers)
    content, rest = b"", b""
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    for start, end in itertools.pairwise(places):
        if decoder.done:
            rest += data[start:end]
            continue
        pieces, rest = decoder.feed(data[start:end])
        content += b"".join(pieces)
    return content, rest, decoder.done


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", b"hello world"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
        (b"2;a\r\nok\r\n0;b=c\r\n\r\n", b"ok"),
        (b'2 ; a = "x;\\"y"\r\nok\r\n0\r\n\r\n', b"ok"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        (b"1\r\nx\r\n0\r\nA: b\r\nC:d\r\n\r\n", b"x"),
    ],
)
def test_valid_bodies_give_their_content(data, content):
    assert (content, b"GET /", True) == decode(data + b"GET /")


@pytest.mark.parametrize(
    "data",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r\n0\n\r\n",
        b"5\r\nhello\r\n0\r\n\n",
        b"5\rhello\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"\r\n",
        b" 5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"\xb2\r\nhi\r\n",
        b"g\r\n",
        b"11111111111111111\r\n",
        b"5;\r\nhello\r\n",
        b"5;a=\r\nhello\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5;a\x00\r\nhello\r\n",
        b"5;a\x7f\r\nhello\r\n",
        b'5;a="x\r\nhello\r\n',
        b"0\r\nA b: c\r\n\r\n",
        b"0\r\nA : c\r\n\r\n",
        b"0\r\n A: c\r\n\r\n",
        b"0\r\nA: c\r\n d\r\n\r\n",
        b"0\r\nA: \x00\r\n\r\n",
        b"0\r\n: c\r\n\r\n",
        b"0\r\nnothing\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nHOST: evil\r\n\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_could_be_read_in_two_ways_is_refused(data, step):
    with pytest.raises(Fault) as caught:
        decode(data, cuts=range(0, len(data), step))
    assert caught.value.status == 400


def test_chunk_extensions_are_bounded_over_the_whole_body():
    with pytest.raises(Fault) as caught:
        decode(b"1;abcdefghij\r\nx\r\n" * 11, extensions=100)
    assert caught.value.status == 400


def test_an_endless_extension_is_refused_before_its_line_ends():
    with pytest.raises(Fault):
        decode(b"1;" + b"a" * 200, extensions=100, cuts=range(0, 200, 10))


def test_trailers_are_bounded():
    with pytest.raises(Fault) as caught:
        decode(b"0\r\n" + b"A: b\r\n" * 30, trailers=100)
    assert caught.value.status == 431


def test_an_endless_trailer_line_is_refused_before_it_ends():
    with pytest.raises(Fault) as caught:
        decode(b"0\r\nA: " + b"b" * 300, trailers=100, cuts=range(0, 300, 10))
    assert caught.value.status == 431


BODIES = st.lists(st.binary(min_size=1, max_size=20), max_size=6)


@given(BODIES, st.sampled_from([b"", b";x", b';x="\\""']), st.lists(st.integers(0, 300), max_size=20))
def test_it_does_not_matter_where_the_bytes_were_split(chunks, extension, cuts):
    data = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks) + b"0\r\nT: v\r\n\r\nrest"
    assert (b"".join(chunks), b"rest", True) == decode(data, cuts=cuts)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_bad_bytes_are_judged_alike_however_they_were_split(data, cuts):
    def judge(cuts):
        try:
            return decode(data + b"\r\n\r\n", cuts=cuts)
        except Fault as fault:
            return fault.status

    assert judge(()) == judge(cuts)
