"""Made-up exchanges look like those that the gateway hands to plugins."""

import asyncio

import pytest
from apim_sdk import BodyError, Plan, Principal
from apim_sdk.testing import make_body, make_exchange, make_headers, make_response


def test_the_line_gives_method_path_and_query():
    request = make_exchange("POST /orders?x=1&x=2").request

    assert ("POST", "/orders", "x=1&x=2") == (request.method, request.path, request.query_string)
    assert ("1", "2") == request.query["x"]


def test_a_line_without_a_method_is_a_get():
    assert "GET" == make_exchange("/orders").request.method


def test_a_line_without_a_path_is_refused_with_an_example():
    with pytest.raises(ValueError, match="no request line: write it as in 'POST /orders"):
        make_exchange("orders")


def test_headers_are_those_given_and_no_others():
    headers = make_exchange(headers=[("X-A", "1"), ("x-a", "2")], body=b"content").request.headers

    assert [("X-A", "1"), ("x-a", "2")] == list(headers.items())


def test_a_host_header_is_the_host():
    assert "api.example" == make_exchange(headers={"Host": "api.example"}).request.host


def test_names_are_enough_for_plan_and_principal():
    exchange = make_exchange(plan="gold", principal="ada")

    assert (Plan("gold"), Principal("ada")) == (exchange.plan, exchange.principal)


def test_what_is_not_given_belongs_to_an_api_that_takes_the_request():
    exchange = make_exchange("GET /orders")

    assert ("test", "GET /orders", "/orders") == (exchange.api.name, exchange.operation.label, exchange.endpoint_path)


def test_a_body_of_bytes_or_text_is_all_there():
    assert "é".encode() == make_exchange(body="é").request.body.data


def test_a_body_of_chunks_arrives_as_those_chunks():
    async def chunks():
        body = make_exchange(body=[b"ab", b"c"]).request.body
        assert body.data is None
        return [chunk async for chunk in body]

    assert [b"ab", b"c"] == asyncio.run(chunks())


def test_a_broken_body_gives_its_bytes_and_then_fails():
    async def read():
        chunks = aiter(make_body(b"half", broken=True))
        first = await anext(chunks)
        with pytest.raises(BodyError):
            await anext(chunks)
        return first

    assert b"half" == asyncio.run(read())


def test_headers_that_are_headers_already_are_taken_over():
    headers = make_headers({"X-A": "1"})

    assert headers is make_response(204, headers).headers
