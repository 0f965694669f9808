"""The strategies make up what a strict parser would let through."""

import asyncio
import json
import re

from apim_sdk.testing.strategies import (
    bodies,
    chunkings,
    exchanges,
    header_lists,
    json_bodies,
    paths,
    query_strings,
    requests,
)
from hypothesis import given
from hypothesis import strategies as st


@given(bodies().flatmap(lambda body: st.tuples(st.just(body), chunkings(body))))
def test_chunks_are_not_empty_and_together_are_the_body(pair):
    body, chunks = pair

    assert body == b"".join(chunks)
    assert all(chunks)


@given(paths())
def test_paths_are_canonical(path):
    assert re.fullmatch(r"(/[^/]+)+|/", path)
    assert not {".", ".."} & set(path.split("/"))


@given(query_strings())
def test_query_strings_hold_nothing_that_ends_them(query_string):
    assert not set(query_string) & set("# \r\n")


@given(header_lists())
def test_header_fields_come_back_as_they_were_put_in(fields):
    from apim_sdk import Headers

    assert fields == list(Headers(fields).items())


@given(json_bodies())
def test_json_bodies_are_json(body):
    json.loads(body)


@given(requests())
def test_a_request_can_be_made_twice(request):
    whole = request.exchange()
    chunked = request.exchange((request.body,) if request.body else ())

    assert whole.request.body.data == asyncio.run(chunked.request.body.read())
    assert whole.request.headers == chunked.request.headers


@given(exchanges())
def test_exchanges_hold_what_the_request_line_says(exchange):
    assert exchange.request.path == exchange.endpoint_path
