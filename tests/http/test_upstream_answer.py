import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_core.http.upstream_answer import ARRIVING, COMPLETE, WAITING, AnswerReader, Violation
from apim_core.http.upstream_fields import FieldKinds

OK = b"HTTP/1.1 200 OK\r\n"


def reader_of(*, max_headers=64, max_interim=4, **expected):
    reader = AnswerReader(FieldKinds(), max_headers, max_interim)
    reader.begin(**expected)
    return reader


def read(*pieces, **options):
    reader = reader_of(**options)
    for piece in pieces:
        reader.feed(piece)
    return reader


def test_a_whole_answer_is_read():
    reader = read(OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")

    assert COMPLETE == reader.stage
    assert (200, None, 5) == (reader.status, reader.phrase, reader.length)
    assert [(b"Content-Type", b"text/plain"), (b"Content-Length", b"5")] == reader.headers
    assert [b"hello"] == reader.chunks
    assert reader.reusable


def test_a_reason_phrase_of_its_own_is_kept():
    assert "Fine" == read(b"HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n").phrase


def test_an_absent_reason_phrase_is_empty():
    assert "" == read(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").phrase


@pytest.mark.parametrize(
    ("answer", "reusable"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", True),
        (OK + b"Connection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Connection: foo, Close\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_the_connection_is_kept_as_the_answer_says(answer, reusable):
    assert reusable == read(answer).reusable


@pytest.mark.parametrize(
    ("field", "seconds"),
    [(b"timeout=5", 5.0), (b"max=3, Timeout = 12", 12.0), (b"max=3", None), (b"timeout=soon", None)],
)
def test_the_backend_may_say_how_long_it_keeps_the_connection(field, seconds):
    assert seconds == read(OK + b"Keep-Alive: " + field + b"\r\nContent-Length: 0\r\n\r\n").keep_alive


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_ends_with_its_head(status):
    reader = read(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)

    assert COMPLETE == reader.stage
    assert [(b"Content-Length", b"5")] == reader.headers


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_to_head_ends_with_its_head(framing):
    assert COMPLETE == read(OK + framing + b"\r\n", head_only=True).stage


def test_the_answer_after_one_to_head_is_read():
    reader = read(OK + b"Content-Length: 5\r\n\r\n", head_only=True)

    reader.begin()
    reader.feed(OK + b"Content-Length: 2\r\n\r\nhi")

    assert (COMPLETE, [b"hi"]) == (reader.stage, reader.chunks)


def test_an_answer_without_framing_lasts_until_the_connection_closes():
    reader = read(OK + b"\r\nsome", b" more")

    assert ARRIVING == reader.stage
    assert reader.until_close
    assert [b"some", b" more"] == reader.chunks


def test_chunks_are_joined_and_extensions_ignored():
    reader = read(OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\n me\r\n0\r\n\r\n")

    assert (COMPLETE, b"hello me") == (reader.stage, b"".join(reader.chunks))


def test_trailers_never_join_the_headers():
    reader = read(OK + b"Transfer-Encoding: chunked\r\nX-A: 1\r\n\r\n1\r\nx\r\n0\r\nX-A: 2\r\nConnection: X-A\r\n\r\n")

    assert [(b"X-A", b"1")] == reader.headers
    assert [(b"X-A", b"2")] == reader.fields


def test_trailers_of_one_answer_are_not_those_of_the_next():
    reader = read(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: 2\r\n\r\n")

    reader.begin()
    reader.feed(OK + b"Transfer-Encoding: chunked\r\nX-B: 1\r\n\r\n0\r\n\r\n")

    assert ([(b"X-B", b"1")], []) == (reader.headers, reader.fields)


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: keep-alive",
        b"Keep-Alive: timeout=5",
        b"Proxy-Authenticate: Basic",
        b"PROXY-CONNECTION: keep-alive",
        b"TE: trailers",
        b"Trailer: X-T",
        b"Upgrade: h2c",
    ],
)
def test_fields_for_one_connection_go_no_further(line):
    reader = read(OK + b"X-A: 1\r\n" + line + b"\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n")

    assert [(b"X-A", b"1"), (b"X-B", b"2"), (b"Content-Length", b"0")] == reader.headers


def test_fields_that_connection_lists_go_no_further():
    reader = read(OK + b"X-Hop: 1\r\nConnection: keep-alive, x-hop\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n")

    assert [(b"X-B", b"2"), (b"Content-Length", b"0")] == reader.headers


def test_connection_cannot_remove_what_is_meant_for_the_client():
    reader = read(OK + b"Connection: Set-Cookie, Content-Length\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")

    assert [(b"Set-Cookie", b"a=b"), (b"Content-Length", b"0")] == reader.headers


def test_interim_answers_are_passed_on_apart_from_continue():
    interim = []
    reader = read(
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        OK + b"Content-Length: 0\r\n\r\n",
        informational=lambda status, headers: interim.append((status, list(headers.raw()))),
    )

    assert [(103, [(b"Link", b"</a>")])] == interim
    assert (COMPLETE, 200, [(b"Content-Length", b"0")]) == (reader.stage, reader.status, reader.headers)


def test_a_change_of_protocol_that_was_asked_for_gives_the_rest_back():
    reader = reader_of(upgrade=True)
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframes"

    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        reader.feed(answer)

    assert b"frames" == answer[caught.value.args[0] :]
    assert [(b"Upgrade", b"websocket")] == reader.headers


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "both lengths": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, other order": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two equal lengths": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": OK + b"Content-Length: +5\r\n\r\nhello",
    "an empty length": OK + b"Content-Length: \r\n\r\nhello",
    "a huge length": OK + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "space before the colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "two codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding in trailers": CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"x\r\nhello\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a huge chunk size": CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "a chunk line without CR": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "a folded field": OK + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "lines without CR": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "CR in a value": OK + b"X-A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "NUL in a value": OK + b"X-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "a space in a name": OK + b"X A: b\r\nContent-Length: 0\r\n\r\n",
    "an empty name": OK + b": b\r\nContent-Length: 0\r\n\r\n",
    "a line without colon": OK + b"Xb\r\nContent-Length: 0\r\n\r\n",
    "two status lines": OK + OK + b"Content-Length: 0\r\n\r\n",
    "a second answer": OK + b"Content-Length: 0\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    "the beginning of a second answer": OK + b"Content-Length: 0\r\n\r\nH",
    "more than the length": OK + b"Content-Length: 2\r\n\r\nhixx",
    "more after the last chunk": CHUNKED + b"0\r\n\r\nxx",
    "content with 204": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "content with 304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
    "content with 103": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello" + OK + b"\r\n",
    "an unknown version": b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a control character in the reason": b"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
    "101 without a question": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "too many interim answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5 + OK + b"Content-Length: 0\r\n\r\n",
    "too many fields": OK + b"X-A: 1\r\n" * 65 + b"Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
def test_what_two_readers_could_read_differently_is_refused(answer):
    with pytest.raises(httptools.HttpParserError):
        read(answer)


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_byte_by_byte_as_well(answer):
    with pytest.raises(httptools.HttpParserError):
        read(*(answer[place : place + 1] for place in range(len(answer))))


def test_content_after_an_answer_to_head_is_refused():
    with pytest.raises(httptools.HttpParserError) as caught:
        read(OK + b"Content-Length: 5\r\n\r\nhello", head_only=True)

    assert isinstance(caught.value.__context__, Violation)


def test_nothing_is_expected_before_the_first_byte():
    assert WAITING == reader_of().stage


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_bytes_that_are_no_answer_never_raise_anything_else(data, head_only, upgrade):
    reader = reader_of(head_only=head_only, upgrade=upgrade)

    try:
        reader.feed(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return

    assert COMPLETE != reader.stage or data.lstrip(b"\r\n").startswith((b"HTTP/", b"RTSP/", b"ICE/"))
