"""Calls to a server's management: its refusals are told in its words; what makes no sense counts as being away."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from apim_keymanagers.management import Management
from apim_sdk import KeyManagerError
from apim_sdk.testing import FakeContext, FakeFetched
from hypothesis import given
from hypothesis import strategies as st

URL = "https://is.example/api"


@attrs.define
class Server(FakeContext):
    """Answers in turn, the last one again and again."""

    answers: list[FakeFetched] = attrs.field(factory=list)
    proofs: list[str | None] = attrs.field(factory=list)

    async def fetch(
        self, url: str, *, method: str = "GET", headers: Any = None, body: Any = None, tls: Any = None
    ) -> Any:
        self.fetched.append((method, url, body))
        self.proofs.append(headers.get("Authorization"))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def called(*answers: FakeFetched, forget: Callable[[], None] | None = None, content: Any = None) -> tuple[Any, Server]:
    """What a call comes to, and the server."""
    server = Server(answers=list(answers))
    proofs = iter(("first", "second", "third"))

    async def authorize() -> dict[str, str]:
        return {"Authorization": next(proofs)}

    async def once() -> Any:
        return await Management(server, authorize, forget=forget).call("POST", URL, content)

    return asyncio.run(once()), server


def refusal(status: int, content: Any) -> KeyManagerError:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(KeyManagerError) as caught:
        called(FakeFetched(status, {}, body))
    return caught.value


def test_json_goes_there_and_comes_back() -> None:
    answer, server = called(FakeFetched(201, {}, b'{"id": 7}'), content={"name": "a"})

    assert ({"id": 7}, [("POST", URL, b'{"name": "a"}')]) == (answer, server.fetched)


def test_nothing_is_none() -> None:
    answer, server = called(FakeFetched(204))

    assert (None, [("POST", URL, None)]) == (answer, server.fetched)


@pytest.mark.parametrize(
    ("status", "content", "error", "description"),
    [
        (400, {"error": "invalid_client_metadata", "error_description": "no"}, "invalid_client_metadata", "no"),
        (400, {"error": "invalid_client_metadata"}, "invalid_client_metadata", f"POST {URL} refuses"),
        (403, {"error": {"code": "Denied", "message": "no"}}, "Denied", "no"),
        (409, {"code": "API-1", "message": "there", "description": "is there"}, "API-1", "is there"),
        (409, {"detail": "is there", "scimType": "uniqueness", "status": "409"}, "uniqueness", "is there"),
        (404, {}, "http_404", f"POST {URL} refuses"),
        (404, [], "http_404", f"POST {URL} refuses"),
        (404, b"<html>", "http_404", f"POST {URL} refuses"),
        (404, b"", "http_404", f"POST {URL} refuses"),
        (400, {"error": "x", "error_description": "a" * 10_000}, "x", "a" * 500),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_server(status: int, content: Any, error: str, description: str) -> None:
    found = refusal(status, content)

    assert (status, error, description) == (found.status, found.error, found.description)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (FakeFetched(500, {}, b'{"error": "x"}'), "answered with 500"),
        (FakeFetched(302, {"location": "https://evil.example"}), "answered with 302"),
        (FakeFetched(200, {"content-type": "text/html"}, b"<html>"), "what is no JSON .text/html"),
        (FakeFetched(200, {}, b"[" * 100_000), "what is no JSON"),
    ],
)
def test_what_makes_no_sense_counts_as_being_away(answer: FakeFetched, reason: str) -> None:
    with pytest.raises(ConnectionError, match=reason):
        called(answer)


BUSY = FakeFetched(429, {"retry-after": "0"})


def test_a_call_that_comes_too_often_is_made_once_more() -> None:
    answer, server = called(BUSY, FakeFetched(200, {}, b"{}"))
    assert ({}, 2) == (answer, len(server.fetched))

    with pytest.raises(ConnectionError, match="answered with 429"):
        called(BUSY, BUSY, FakeFetched(200, {}, b"{}"))


@pytest.mark.parametrize("after", ["11", "3600", "Thu, 01 Jan 2099 00:00:00 GMT"])
def test_a_server_is_not_waited_for_for_long(after: str) -> None:
    with pytest.raises(ConnectionError, match="answered with 429"):
        called(FakeFetched(429, {"retry-after": after}), FakeFetched(200, {}, b"{}"))


def test_a_date_that_has_passed_is_not_waited_for() -> None:
    answer, _ = called(FakeFetched(429, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}), FakeFetched(200, {}, b"{}"))

    assert {} == answer


def test_a_proof_that_is_no_longer_taken_is_made_anew_once() -> None:
    forgotten: list[None] = []
    refused = FakeFetched(401, {}, b'{"error": "invalid_token"}')

    answer, server = called(refused, FakeFetched(200, {}, b"{}"), forget=lambda: forgotten.append(None))
    assert ({}, ["first", "second"], 1) == (answer, server.proofs, len(forgotten))
    with pytest.raises(KeyManagerError, match="invalid_token"):
        called(refused, forget=lambda: forgotten.append(None))
    assert 2 == len(forgotten)


@given(st.sampled_from([200, 201, 400, 401, 404, 409]), st.binary(max_size=64))
def test_whatever_comes_back_it_is_json_a_refusal_or_being_away(status: int, body: bytes) -> None:
    with contextlib.suppress(KeyManagerError, ConnectionError):
        json.dumps(called(FakeFetched(status, {}, body))[0])
