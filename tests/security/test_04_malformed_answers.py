"""Threat class 4: a backend whose answers are malformed, cut short, doubled, endless or oversize.

The client sees a fault, or a connection that breaks in the middle; never an answer that is cut and looks whole, never
bytes of one answer in another. The connection to the backend is dropped.
"""

import asyncio
import re

import pytest
from support.backend import backend
from support.gateway import api, run, serving

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SECRET = b"answer-of-somebody-else"

BEFORE_THE_HEAD = {
    "a bad chunk size": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"2\r\nhello\r\n0\r\n\r\n",
    "a chunk size that overflows": CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "two status lines": OK + OK + b"Content-Length: 0\r\n\r\n",
    "a second answer behind the first": OK + b"Content-Length: 2\r\n\r\nhi" + EMPTY + SECRET,
    "bytes behind the answer": OK + b"Content-Length: 2\r\n\r\nhi" + SECRET,
    "bytes behind the last chunk": CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + SECRET,
    "bytes behind 204": b"HTTP/1.1 204 No Content\r\n\r\n" + SECRET,
    "bytes behind 304": b"HTTP/1.1 304 Not Modified\r\n\r\n" + SECRET,
    "a flood of interim answers": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000 + EMPTY,
    "a head without end": OK + b"X-A: " + b"a" * 100_000,
    "too many fields": OK + b"X-A: a\r\n" * 1000 + b"Content-Length: 0\r\n\r\n",
    "Content-Length and Transfer-Encoding":
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two lengths that differ": OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nhello",
    "two lengths that are equal": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "a length that is no number": OK + b"Content-Length: 2, 2\r\n\r\nhi",
    "a negative length": OK + b"Content-Length: -2\r\n\r\nhi",
    "a coding that hides chunked": OK + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a folded field": OK + b"Content-Length: 2\r\nX-A: 1\r\n X-B: 2\r\n\r\nhi",
    "a field with NUL": OK + b"Content-Length: 2\r\nX-A: \0\r\n\r\nhi",
    "a field that ends in LF": OK + b"Content-Length: 2\r\nX-A: 1\nX-B: 2\r\n\r\nhi",
    "101 without a question":
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + SECRET,
    "another protocol": b"220 mail.example ESMTP\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a version of the future": b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a head that is cut": OK + b"Content-Len",
    "nothing": b"",
}  # fmt: skip

AFTER_THE_HEAD = {
    "a body shorter than its length": (OK + b"Content-Length: 9\r\n\r\nhel", b"lo"),
    "chunks without the last one": (CHUNKED + b"3\r\nhel\r\n", b"2\r\nlo\r\n"),
    "a chunk that is cut": (CHUNKED + b"9\r\nhel", b"lo"),
    "a last chunk that is cut": (CHUNKED + b"5\r\nhello\r\n", b"0\r\n"),
    "a bad chunk size later": (CHUNKED + b"5\r\nhello\r\n", b"5x\r\nhello\r\n0\r\n\r\n"),
    "a second answer where chunks should be": (CHUNKED + b"5\r\nhello\r\n", OK + b"Content-Length: 0\r\n\r\n"),
    "more than the length": (OK + b"Content-Length: 5\r\n\r\nhel", b"lo" + SECRET),
    "endless chunk extensions": (CHUNKED + b"5\r\nhello\r\n", b"5;" + b"e" * 100_000),
    "endless trailers": (CHUNKED + b"5\r\nhello\r\n", b"0\r\n" + b"X-T: t\r\n" * 100_000),
}


async def through_gateway(folder, script):
    """What a client gets, to the last byte, whose requests all go to a backend that follows ``script``."""
    async with backend(script) as served:
        text = api(endpoint=f'{{http: {{url: "http://127.0.0.1:{served.port}", idle_timeout: 2s}}}}')
        async with serving(text, folder) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(b"GET /api/items/1 HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
            try:
                received = b""
                while data := await asyncio.wait_for(reader.read(65536), 10):
                    received += data
            except ConnectionError:
                pass
            finally:
                writer.close()
            return received, served


def final(answer):
    """The answer without the interim ones before it, of which only so many pass."""
    interim = 0
    while re.match(rb"HTTP/1\.1 1\d\d ", answer):
        answer = answer.partition(b"\r\n\r\n")[2]
        interim += 1
    assert interim <= 32
    return answer


def status_of(answer):
    return int(re.match(rb"HTTP/1\.1 (\d{3}) ", answer)[1])


def looks_whole(answer):
    """Whether a strict client would take the answer as complete."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if length is not None:
        return len(body) >= int(length[1])
    return body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("answer", BEFORE_THE_HEAD.values(), ids=BEFORE_THE_HEAD.keys())
def test_a_malformed_answer_becomes_a_fault(answer, tmp_path):
    async def script(conversation):
        await conversation.request()
        await conversation.say(answer)
        if answer not in (b"", BEFORE_THE_HEAD["a head that is cut"]):
            await conversation.closed()

    async def main():
        received, served = await through_gateway(tmp_path, script)
        assert 502 == status_of(final(received))
        assert looks_whole(final(received))
        assert SECRET not in received
        assert 1 == len(served.conversations)

    run(main)


@pytest.mark.parametrize("pieces", AFTER_THE_HEAD.values(), ids=AFTER_THE_HEAD.keys())
def test_an_answer_that_breaks_later_breaks_for_the_client_too(pieces, tmp_path):
    async def script(conversation):
        await conversation.request()
        await conversation.say(pieces[0])
        await asyncio.sleep(0.05)
        await conversation.say(pieces[1])

    async def main():
        received, _ = await through_gateway(tmp_path, script)
        assert not looks_whole(received)
        assert SECRET not in received

    run(main)


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_a_reset_in_the_body_breaks_for_the_client_too(framing, tmp_path):
    async def script(conversation):
        await conversation.request()
        await conversation.say(OK + framing + b"\r\n2\r\nhe\r\n")
        await asyncio.sleep(0.05)
        conversation.reset()

    async def main():
        received, _ = await through_gateway(tmp_path, script)
        assert 200 == status_of(received)
        assert not looks_whole(received)

    run(main)


def test_bytes_on_an_idle_connection_are_never_an_answer(tmp_path):
    async def script(conversation):
        await conversation.request()
        await conversation.say(OK + b"Content-Length: 2\r\n\r\nhi")
        if conversation.number == 0:
            await asyncio.sleep(0.02)
            await conversation.say(OK + b"Content-Length: 23\r\n\r\n" + SECRET)
        await conversation.closed()

    async def main():
        async with backend(script) as served:
            endpoint = f'{{http: {{url: "http://127.0.0.1:{served.port}"}}}}'
            async with serving(api(endpoint=endpoint), tmp_path) as gateway:
                assert b"hi" == (await gateway.get("/api/items/1")).body
                await asyncio.sleep(0.1)
                assert b"hi" == (await gateway.get("/api/items/1")).body
                assert 2 == len(served.conversations)

    run(main)


def test_trailers_never_become_fields(tmp_path):
    async def script(conversation):
        await conversation.request()
        await conversation.say(
            OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nSet-Cookie: a=b\r\nConnection: X-A\r\n\r\n"
        )
        await conversation.closed()

    async def main():
        received, _ = await through_gateway(tmp_path, script)
        assert 200 == status_of(received)
        assert b"Set-Cookie" not in received

    run(main)
