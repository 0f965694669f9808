import asyncio

import pytest
from apim_sdk.body import Body, BodyError, BodyTooLarge
from hypothesis import given
from hypothesis import strategies as st


class Spring:
    """A source whose chunks a test hands out; it breaks at the end if told so."""

    def __init__(self, *chunks, ended=False, breaks=False):
        self.chunks = list(chunks)
        self.ended = ended
        self.breaks = breaks
        self.closed = False

    def ready(self):
        if not self.ended:
            return None
        if self.breaks:
            raise BodyError("broken")
        rest, self.chunks = b"".join(self.chunks), []
        return rest

    async def read(self):
        await asyncio.sleep(0)
        if self.chunks:
            return self.chunks.pop(0)
        if self.breaks:
            raise BodyError("broken")
        return b""

    def close(self):
        self.closed = True


def arriving(*chunks, length=None, **options):
    return Body.arriving(Spring(*chunks, **options), length)


async def chunks_of(body):
    return [chunk async for chunk in body]


async def streamed(*chunks):
    for chunk in chunks:
        yield chunk


def test_a_body_of_bytes_is_whole():
    body = Body(b"hello")

    assert (b"hello", 5) == (body.data, body.length)
    assert b"hello" == asyncio.run(body.read())
    assert [b"hello"] == asyncio.run(chunks_of(body))


def test_an_empty_body_has_no_chunks():
    assert (b"", 0) == (Body().data, Body().length)
    assert [] == asyncio.run(chunks_of(Body()))


def test_a_whole_body_can_be_read_again_and_again():
    body = Body(b"hello")

    assert [[b"hello"]] * 2 == [asyncio.run(chunks_of(body)) for _ in range(2)]


def test_a_stream_is_not_there_until_it_has_ended():
    source = Spring(b"a", b"b")
    body = Body.arriving(source, 2)
    assert (None, 2) == (body.data, body.length)

    source.ended = True
    assert (b"ab", 2) == (body.data, body.length)


def test_a_stream_comes_chunk_by_chunk():
    assert [b"a", b"bc"] == asyncio.run(chunks_of(arriving(b"a", b"bc")))


def test_a_stream_can_be_made_of_an_iterator():
    body = Body.stream(streamed(b"a", b"", b"bc"), 3)

    assert (None, 3) == (body.data, body.length)
    assert [b"a", b"bc"] == asyncio.run(chunks_of(body))


def test_a_stream_can_be_iterated_once():
    async def main():
        body = arriving(b"a")
        await chunks_of(body)
        with pytest.raises(RuntimeError, match="already taken"):
            await chunks_of(body)

    asyncio.run(main())


def test_two_cannot_iterate_at_once():
    async def main():
        body = arriving(b"a", b"b")
        async for _ in body:
            with pytest.raises(RuntimeError, match="already taken"):
                await chunks_of(body)
            assert body.data is None

    asyncio.run(main())


def test_reading_keeps_the_content_for_whoever_comes_after():
    async def main():
        body = arriving(b"a", b"bc")
        assert b"abc" == await body.read()
        assert (b"abc", 3) == (body.data, body.length)
        assert [b"abc"] == await chunks_of(body)

    asyncio.run(main())


@pytest.mark.parametrize("body", [lambda: Body(b"abcd"), lambda: arriving(b"ab", b"cd"), lambda: arriving(length=4)])
def test_reading_stops_at_the_limit(body):
    async def main():
        limited = body()
        limited.limit = 3
        with pytest.raises(BodyTooLarge) as caught:
            await limited.read()
        assert 3 == caught.value.limit

    asyncio.run(main())


def test_a_limit_can_be_given_when_reading():
    async def main():
        with pytest.raises(BodyTooLarge):
            await arriving(b"ab", b"cd").read(3)
        assert b"abcd" == await arriving(b"ab", b"cd").read(4)

    asyncio.run(main())


def test_a_stream_that_is_too_large_is_closed():
    async def main():
        source = Spring(b"ab", b"cd", b"ef")
        with pytest.raises(BodyTooLarge):
            await Body.arriving(source).read(3)
        assert source.closed

    asyncio.run(main())


@pytest.mark.parametrize("ended", [True, False])
def test_a_broken_stream_never_looks_whole(ended):
    async def main():
        with pytest.raises(BodyError):
            await arriving(b"a", ended=ended, breaks=True).read()
        with pytest.raises(BodyError):
            await chunks_of(arriving(b"a", ended=ended, breaks=True))

    asyncio.run(main())


def test_a_stream_that_broke_before_anybody_looked_is_an_error_at_once():
    with pytest.raises(BodyError):
        arriving(b"a", ended=True, breaks=True).data


def test_closing_closes_the_source():
    source = Spring(b"a")
    Body.arriving(source).close()

    assert source.closed


def test_closing_closes_the_source_under_somebody_who_has_stopped_reading():
    async def main():
        source = Spring(b"a", b"b")
        body = Body.arriving(source)
        chunks = aiter(body)
        await anext(chunks)
        assert not source.closed
        body.close()
        assert source.closed
        await chunks.aclose()

    asyncio.run(main())


def test_a_reader_that_is_cancelled_closes_the_source():
    async def main():
        source = Spring(*[b"a"] * 100)
        reading = asyncio.create_task(Body.arriving(source).read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
        assert source.closed

    asyncio.run(main())


def test_replacing_drops_what_was_arriving():
    source = Spring(b"a")
    body = Body.arriving(source)
    body.replace(b"new")

    assert (b"new", 3, True) == (body.data, body.length, source.closed)


def test_a_whole_body_is_mapped_at_once():
    body = Body(b"hello")
    body.map(bytes.upper, lambda: b"!")

    assert (b"HELLO!", 6) == (body.data, body.length)


def test_a_mapped_stream_does_not_know_its_length():
    body = arriving(b"a", length=1)
    body.map(bytes.upper)

    assert body.length is None


def test_a_body_says_what_state_it_is_in_and_not_what_it_holds():
    assert "<Body whole length=6>" == repr(Body(b"secret"))
    assert "<Body arriving length=None>" == repr(arriving(b"secret"))


SPLITS = st.lists(st.binary(min_size=1, max_size=8), max_size=8)


@given(SPLITS, st.booleans())
def test_content_is_the_same_however_it_is_split(chunks, ended):
    assert b"".join(chunks) == asyncio.run(arriving(*chunks, ended=ended).read())


@given(SPLITS, st.booleans(), st.integers(1, 3))
def test_maps_are_the_same_however_the_content_is_split(chunks, ended, times):
    def count_flushes():
        flushed.append(1)
        return b"!"

    flushed = []
    body, whole = arriving(*chunks, ended=ended), Body(b"".join(chunks))
    for mapped in (body, whole):
        for _ in range(times):
            mapped.map(bytes.swapcase, count_flushes)

    assert whole.data == asyncio.run(body.read())
    assert 2 * times == len(flushed)


class Counting:
    """A source that counts what another gives."""

    def __init__(self, source):
        self.source = source
        self.ready = source.ready
        self.close = source.close
        self.reads = 0

    async def read(self):
        self.reads += 1
        return await self.source.read()


def test_what_is_still_to_arrive_comes_through_the_source_that_is_put_around():
    wrapped = []
    body = arriving(b"a", b"b", length=2)
    body.wrap(lambda source: wrapped.append(Counting(source)) or wrapped[-1])

    assert (b"ab", 2) == (asyncio.run(body.read()), body.length)
    assert 3 == wrapped[0].reads


def test_nothing_is_put_around_content_that_is_all_there():
    body = Body(b"whole")
    body.wrap(Counting)

    assert b"whole" == body.data
