"""Requests and responses as policies see them."""

import pytest
from apim_sdk import Body, Headers, Request, Response
from apim_sdk.messages import reason_phrase


def test_query_parameters_are_decoded_and_keep_all_their_values():
    request = Request(query_string="a=1&b=two+words&a=%C3%A9&flag&empty=")

    assert {"a": ("1", "é"), "b": ("two words",), "flag": ("",), "empty": ("",)} == dict(request.query)


def test_query_parameters_follow_a_query_string_that_changed():
    request = Request(query_string="a=1")
    assert ("1",) == request.query["a"]
    request.query_string = "a=2"

    assert ("2",) == request.query["a"]


def test_cookies_are_the_first_of_each_name_over_all_fields():
    request = Request(headers=Headers([("Cookie", 'a=1; b="two"; a=3'), ("cookie", "c=4;;=;d")]))

    assert {"a": "1", "b": "two", "c": "4"} == {name: value for name, value in request.cookies.items() if name}


def test_cookies_follow_a_header_that_changed():
    request = Request(headers=Headers([("Cookie", "a=1")]))
    assert "1" == request.cookies["a"]
    request.headers["Cookie"] = "a=2"

    assert "2" == request.cookies["a"]


def test_query_parameters_and_cookies_cannot_be_changed():
    request = Request(query_string="a=1")

    with pytest.raises(TypeError):
        request.query["a"] = ("2",)
    with pytest.raises(TypeError):
        request.cookies["a"] = "2"


def test_the_decoded_path_is_for_comparing():
    assert "/caf\u00e9 bar" == Request(path="/caf%C3%A9%20bar").decoded_path


def test_messages_do_not_share_what_they_were_not_given():
    first, second = Request(), Request()
    first.headers["X-A"] = "1"
    first.body.replace(b"content")

    assert ("X-A" in second.headers, b"") == (False, second.body.data)


def test_a_response_takes_its_body_as_bytes_or_as_a_body():
    assert b"ok" == Response(body=b"ok").body.data == Response(body=Body(b"ok")).body.data
    assert b"" == Response().body.data


@pytest.mark.parametrize(("status", "phrase"), [(200, "OK"), (429, "Too Many Requests"), (299, "")])
def test_standard_statuses_have_a_phrase(status, phrase):
    assert phrase == reason_phrase(status)


def test_a_repr_shows_neither_headers_nor_body():
    request = Request("POST", "/orders", "token=secret", Headers([("Authorization", "secret")]), Body(b"secret"))

    assert "<Request POST /orders>" == repr(request)
    assert "<Response 200>" == repr(Response(200, request.headers, b"secret"))
