"""The fake endpoint records what it is asked and answers as told."""

import asyncio

import pytest
from apim_sdk import BodyError, Fault, errors
from apim_sdk.testing import Answer, FakeEndpoint, make_exchange


def send(endpoint, *arguments, **settings):
    return asyncio.run(endpoint.send(make_exchange(*arguments, **settings)))


def test_it_says_200_unless_told():
    assert 200 == send(FakeEndpoint()).status


def test_it_records_what_it_is_asked():
    endpoint = FakeEndpoint()
    send(endpoint, "PUT /orders/1?dry=1", {"X-A": "1"}, [b"a", b"b"])
    (received,) = endpoint.received

    assert ("PUT", "/orders/1?dry=1", "1", b"ab") == (
        received.method,
        received.target,
        received.headers["X-A"],
        received.body,
    )


def test_as_an_upstream_it_records_the_target_it_is_given():
    endpoint = FakeEndpoint()
    asyncio.run(endpoint.send(make_exchange("GET /orders"), "/v2/orders"))

    assert "/v2/orders" == endpoint.received[0].target


def test_answers_come_in_turn_and_the_last_repeats():
    endpoint = FakeEndpoint(Answer(503), Answer(201))

    assert [503, 201, 201] == [send(endpoint).status for _ in range(3)]


def test_a_function_of_the_exchange_may_answer():
    endpoint = FakeEndpoint(lambda exchange: Answer(body=exchange.request.path))

    assert b"/orders" == send(endpoint, "GET /orders").body.data


def test_it_fails_as_told():
    with pytest.raises(Fault) as failure:
        send(FakeEndpoint(Answer(fault=Fault(errors.ENDPOINT_TIMEOUT))))

    assert errors.ENDPOINT_TIMEOUT == failure.value.kind


def test_its_body_breaks_off_as_told():
    async def read():
        response = await FakeEndpoint(Answer(body=[b"half"], broken=True)).send(make_exchange())
        await response.body.read()

    with pytest.raises(BodyError):
        asyncio.run(read())
