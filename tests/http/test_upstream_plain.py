import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apim_core.http.upstream_answer import COMPLETE, AnswerReader
from apim_core.http.upstream_fields import FieldKinds
from apim_core.http.upstream_plain import PlainAnswers

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 5\r\n"


def read(data, max_headers=64, max_head=65536):
    return PlainAnswers(FieldKinds(), max_headers, max_head).read(data)


def test_a_plain_answer_is_read_whole():
    response, keep_alive = read(
        b"HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello"
    )

    assert (404, None, b"hello") == (response.status, response.reason, response.body.data)
    assert [("Server", "x"), ("Content-Length", "5"), ("Set-Cookie", "a"), ("Set-Cookie", "b")] == list(
        response.headers.items()
    )
    assert ("a", "b") == response.headers.get_all("set-cookie")
    assert keep_alive is None


def test_fields_of_the_connection_go_no_further():
    response, keep_alive = read(
        OK + b"Connection: keep-alive\r\nX: 1\r\nKeep-Alive: timeout=5\r\n" + LENGTH + b"Y: 2\r\n\r\nhello"
    )

    assert [("X", "1"), ("Content-Length", "5"), ("Y", "2")] == list(response.headers.items())
    assert "2" == response.headers["y"]
    assert b"timeout=5" == keep_alive


def test_a_reason_phrase_of_its_own_is_kept():
    assert "Fine" == read(b"HTTP/1.1 200 Fine\r\n" + LENGTH + b"\r\nhello")[0].reason


def test_answers_with_the_same_names_do_not_share_what_is_changed():
    answers = PlainAnswers(FieldKinds(), 64, 65536)
    first, second = (answers.read(OK + b"X: %d\r\n%b\r\nhello" % (number, LENGTH))[0] for number in (1, 2))
    first.headers["Y"] = "new"
    first.headers.remove("X")

    assert [("Content-Length", "5"), ("Y", "new")] == list(first.headers.items())
    assert [("X", "2"), ("Content-Length", "5")] == list(second.headers.items())
    assert "Y" not in second.headers


def test_a_head_that_comes_again_means_the_same_and_shares_nothing_that_is_changed():
    answers = PlainAnswers(FieldKinds(), 64, 65536)
    head = OK + b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nX: 1\r\n" + LENGTH + b"\r\n"
    read = [answers.read(head + body) for body in (b"hello", b"world", b"again", b"twice")]
    read[2][0].headers["X"] = "changed"
    read[2][0].headers.remove("Content-Length")

    assert [(200, b"hello"), (200, b"world"), (200, b"again"), (200, b"twice")] == [
        (response.status, response.body.data) for response, _ in read
    ]
    assert {b"timeout=5"} == {keep_alive for _, keep_alive in read}
    assert [("X", "1"), ("Content-Length", "5")] == list(read[3][0].headers.items())
    assert [("X", "changed")] == list(read[2][0].headers.items())
    assert answers.read(head + b"longer than that") is None
    assert answers.read(head + b"cut") is None
    assert "2" == answers.read(head.replace(b"X: 1", b"X: 2") + b"hello")[0].headers["X"]


@pytest.mark.parametrize(
    "answer",
    [
        OK + LENGTH + b"\r\nhell",
        OK + LENGTH + b"\r\nhello!",
        OK + b"\r\n",
        OK + b"X: 1\r\n\r\nhello",
        OK + LENGTH + LENGTH + b"\r\nhello",
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Content-Length: 5" + b"0" * 5000 + b"\r\n\r\nhello",
        OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\nhello",
        OK + LENGTH + b"Connection: close\r\n\r\nhello",
        OK + LENGTH + b"Connection: keep-alive, X\r\n\r\nhello",
        OK + LENGTH + b"Upgrade: websocket\r\n\r\nhello",
        OK + LENGTH + b"TE: trailers\r\n\r\nhello",
        OK + LENGTH + b"X: a\r\n b\r\n\r\nhello",
        OK + LENGTH + b"X : a\r\n\r\nhello",
        OK + LENGTH + b"X:a\r\n\r\nhello",
        OK + LENGTH + b"X: a \r\n\r\nhello",
        OK + LENGTH + b"X: \r\n\r\nhello",
        OK + LENGTH + b"X: a\nY: b\r\n\r\nhello",
        OK + LENGTH + b"X: a\rb\r\n\r\nhello",
        OK + LENGTH + b"X: a\x00b\r\n\r\nhello",
        OK + LENGTH + b"no colon\r\n\r\nhello",
        OK + b"bad name: 1\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 100 Continue\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 101 Switching Protocols\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 999 Odd\r\n" + LENGTH + b"\r\nhello",
        b"\r\n" + OK + LENGTH + b"\r\nhello",
        b"",
        b"\r\n\r\n",
    ],
)
def test_anything_else_is_left_to_the_parser(answer):
    assert read(answer) is None


def test_more_fields_than_are_allowed_are_left_to_the_parser():
    assert read(OK + b"X: 1\r\n" + LENGTH + b"\r\nhello", max_headers=1) is None


def test_a_head_that_is_larger_than_allowed_is_left_to_the_parser():
    head = OK + b"X: 1\r\n" + LENGTH + b"\r\n"
    assert read(head + b"hello", max_head=len(head)) is not None
    assert read(head + b"hello", max_head=len(head) - 1) is None


def test_an_origin_with_ever_new_names_is_left_to_the_parser_after_a_while():
    answers = PlainAnswers(FieldKinds(), 64, 65536)
    taken = [answers.read(OK + b"X-%d: 1\r\n%b\r\nhello" % (number, LENGTH)) for number in range(300)]
    assert 256 == sum(answer is not None for answer in taken)
    assert answers.read(OK + b"X-0: 1\r\n%b\r\nhello" % LENGTH) is not None


def lines():
    names = st.sampled_from(
        [b"X", b"content-length", b"Connection", b"Keep-Alive", b"Transfer-Encoding", b"te", b"a b"]
    )
    values = st.sampled_from([b"5", b"keep-alive", b"close", b"chunked", b"", b" ", b"a", b"a\x00", b"\xff", b"0x5"])
    colons = st.sampled_from([b": ", b":", b" : ", b":\t", b""])
    ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b" \r\n", b"\r\n "])
    return st.lists(st.builds(lambda *parts: b"".join(parts), names, colons, values, ends), max_size=4).map(b"".join)


@given(
    st.sampled_from([OK, b"HTTP/1.1 200\r\n", b"HTTP/1.1 304 X\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 500 \xff\r\n"]),
    lines(),
    st.sampled_from([b"", LENGTH]),
    st.sampled_from([b"hello", b"hell", b"hello\r\n\r\n", b""]),
    st.binary(max_size=2),
    st.integers(0, 120),
)
@example(OK, b"X: 1\r\n", LENGTH, b"hello", b"", 0)
def test_whatever_is_read_here_the_parser_reads_the_same(status, fields, length, content, noise, place):
    data = status + fields + length + b"\r\n" + content
    data = data[:place] + noise + data[place:]
    answers = PlainAnswers(FieldKinds(), 64, 65536)
    plain = answers.read(data)
    if plain is None:
        return
    for _ in range(2):
        plain = answers.read(data)
    reader = AnswerReader(FieldKinds(), 64, 4)
    try:
        reader.feed(data)
    except httptools.HttpParserError as error:
        raise AssertionError(f"the parser refuses {data!r}") from error
    response, keep_alive = plain
    assert COMPLETE == reader.stage
    assert reader.reusable
    assert (reader.status, reader.phrase) == (response.status, response.reason)
    assert reader.headers == list(response.headers.raw())
    assert b"".join(reader.chunks) == response.body.data
    if keep_alive is not None:
        expected, reader.keep_alive = reader.keep_alive, None
        reader.read_keep_alive(keep_alive)
        assert expected == reader.keep_alive
