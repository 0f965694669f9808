"""A mock endpoint answers out of its settings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from apim_endpoints.mock import Mock
from apim_sdk import Exchange, Response
from apim_sdk.testing import build, make_exchange


def answer(settings: dict[str, Any], exchange: Exchange | None = None) -> Response:
    response: Response = asyncio.run(build(Mock, settings).send(exchange or make_exchange()))
    return response


def test_without_settings_it_answers_200_with_nothing() -> None:
    response = answer({})

    assert (200, [], b"") == (response.status, list(response.headers.items()), response.body.data)


def test_status_headers_and_body_are_as_configured() -> None:
    response = answer({"status": 201, "headers": {"Location": "/orders/1"}, "body": "made", "content_type": "text/css"})

    assert 201 == response.status
    assert [("Location", "/orders/1"), ("Content-Type", "text/css")] == list(response.headers.items())
    assert b"made" == response.body.data


def test_body_and_headers_may_hold_expressions() -> None:
    settings = {"headers": {"X-Id": "{{ path.id }}"}, "body": '{"id": "{{ path.id }}"}'}

    response = answer(settings, make_exchange(path_parameters={"id": "7"}))

    assert ("7", b'{"id": "7"}') == (response.headers["X-Id"], response.body.data)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"a": 1}', "application/json"),
        ("[]", "application/json"),
        (" <order/>", "application/xml"),
        ("hello", "text/plain; charset=utf-8"),
    ],
)
def test_the_media_type_follows_from_how_the_body_begins(body: str, expected: str) -> None:
    assert expected == answer({"body": body}).headers["Content-Type"]


def test_a_media_type_among_the_headers_is_kept() -> None:
    response = answer({"body": "{}", "headers": {"content-type": "application/problem+json"}})

    assert [("content-type", "application/problem+json")] == list(response.headers.items())


def test_text_is_sent_as_utf_8() -> None:
    assert "Grüße".encode() == answer({"body": "Grüße"}).body.data


@pytest.mark.parametrize("status", [199, 600])
def test_a_status_that_ends_no_exchange_is_refused(status: int) -> None:
    with pytest.raises(Exception, match="status"):
        build(Mock, {"status": status})


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_body_where_the_status_allows_none_is_refused(status: int) -> None:
    with pytest.raises(Exception, match="has no body"):
        build(Mock, {"status": status, "body": "x"})
