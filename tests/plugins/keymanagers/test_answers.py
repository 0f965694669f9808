"""What a server answers is looked at before it is believed: tokens, clients, introspection, errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from apim_keymanagers.answers import BadAnswer
from apim_keymanagers.oidc import OIDC
from apim_sdk import ClientRegistration, KeyManagerError, RegisteredClient, Secret
from apim_sdk.testing import FakeContext, FakeFetched, build, started

ISSUER = "https://idp.example"
TOKEN = {"access_token": "t", "token_type": "Bearer"}
SHOP = ClientRegistration("shop")
SETTINGS = {
    "issuer": ISSUER,
    "jwks": {"url": f"{ISSUER}/jwks"},
    "credentials": {"id": "gateway", "secret": "the secret of gateway"},
    **{f"{name}_endpoint": f"{ISSUER}/{name}" for name in ("token", "introspection", "revocation", "registration")},
}


def fetched(content: Any, status: int = 200, kind: str = "application/json") -> FakeFetched:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return FakeFetched(status, {"content-type": kind}, body)


def when_answered(endpoint: str, answer: FakeFetched, call: Callable[[OIDC], Awaitable[Any]]) -> Any:
    """What a call answers when the endpoint does so."""

    async def once() -> Any:
        context = FakeContext(fetches={f"{ISSUER}/{endpoint}": answer})
        async with started(build(OIDC, SETTINGS), context) as manager:
            return await call(manager)

    return asyncio.run(once())


def issue(manager: OIDC) -> Awaitable[Any]:
    return manager.token({"grant_type": "client_credentials", "scope": "asked for"})


def register(manager: OIDC) -> Awaitable[Any]:
    return manager.register(SHOP)


def introspect(manager: OIDC) -> Awaitable[Any]:
    return manager.introspect("token")


def revoke(manager: OIDC) -> Awaitable[Any]:
    return manager.revoke("token")


CALLS = {"token": issue, "registration": register, "introspection": introspect, "revocation": revoke}


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("status", [301, 302, 429, 500, 502, 503])
def test_a_server_that_fails_is_away(endpoint: str, status: int) -> None:
    with pytest.raises(BadAnswer, match=f"answers {status}"):
        when_answered(endpoint, fetched({"error": "invalid_token"}, status), CALLS[endpoint])


@pytest.mark.parametrize("endpoint", ["token", "registration", "introspection"])
@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"text"', b"\xff", b"[" * 100_000, b'{"active": Infinity}', b""])
def test_what_is_no_json_object_makes_no_sense(endpoint: str, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        when_answered(endpoint, fetched(body), CALLS[endpoint])


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 1},
        {"token_type": None},
        {"token_type": ["Bearer"]},
        {"expires_in": "soon"},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": 1e300},
        {"scope": ["a"]},
        {"refresh_token": 1},
        {"id_token": {}},
    ],
)
def test_a_token_answer_whose_members_are_of_other_types_makes_no_sense(changes: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        when_answered("token", fetched({**TOKEN, **changes}), issue)


@pytest.mark.parametrize(
    ("content", "expires_in", "scopes"),
    [
        (TOKEN, None, {"asked", "for"}),
        ({**TOKEN, "expires_in": 60, "scope": "less"}, 60.0, {"less"}),
        ({**TOKEN, "expires_in": "60", "scope": ""}, 60.0, set()),
    ],
)
def test_a_token_has_the_scope_that_was_asked_for_unless_the_server_says_another(
    content: Any, expires_in: float | None, scopes: set[str]
) -> None:
    issued = when_answered("token", fetched(content), issue)

    assert (Secret("t"), expires_in, scopes) == (issued.access_token, issued.expires_in, issued.scopes)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"client_id": ""},
        {"client_id": 1},
        {"client_id": "c", "client_secret": 1},
        {"client_id": "c", "client_secret_expires_at": "never"},
        {"client_id": "c", "grant_types": "client_credentials"},
        {"client_id": "c", "redirect_uris": [1]},
        {"client_id": "c", "registration_client_uri": 1},
    ],
)
def test_a_client_whose_members_are_of_other_types_makes_no_sense(content: Any) -> None:
    with pytest.raises(BadAnswer):
        when_answered("registration", fetched(content, 201), register)


@pytest.mark.parametrize(("said", "expires"), [(0, None), (None, None), (1_900_000_000, 1_900_000_000.0)])
def test_a_client_says_when_its_secret_expires(said: int | None, expires: float | None) -> None:
    content = {"client_id": "c", "client_secret": "s", "client_secret_expires_at": said}

    made = when_answered("registration", fetched(content, 201), register)

    assert ("c", Secret("s"), expires) == (made.client_id, made.client_secret, made.secret_expires)
    assert SHOP == made.registration


def test_a_client_is_not_managed_at_a_place_that_is_weaker_than_the_issuer() -> None:
    client = RegisteredClient(
        "c", management={"registration_client_uri": "http://idp.example/c", "registration_access_token": "r"}
    )

    with pytest.raises(BadAnswer, match="no URL that an endpoint"):
        when_answered("token", fetched(TOKEN), lambda manager: manager.client(client))


def test_a_client_shows_none_of_its_secrets() -> None:
    client = RegisteredClient("c", Secret("its secret"), management={"registration_access_token": "its token"})

    assert "its" not in repr(client)


@pytest.mark.parametrize("content", [{}, {"active": "true"}, {"active": 1}, {"active": None}])
def test_an_introspection_that_does_not_say_whether_the_token_is_active_makes_no_sense(content: Any) -> None:
    with pytest.raises(BadAnswer, match="active"):
        when_answered("introspection", fetched(content), introspect)


@pytest.mark.parametrize("said", [{"typ": "Refresh"}, {"typ": "ID"}, {"token_type": "refresh_token"}])
def test_another_kind_of_token_is_not_active(said: dict[str, str]) -> None:
    content = {"active": True, "sub": "anna", **said}

    assert {"active": False} == when_answered("introspection", fetched(content), introspect)


def test_of_a_token_that_is_not_active_nothing_else_is_said() -> None:
    content = {"active": False, "sub": "anna"}

    assert {"active": False} == when_answered("introspection", fetched(content), introspect)


@pytest.mark.parametrize(
    ("status", "content", "error", "description"),
    [
        (400, {"error": "invalid_grant", "error_description": "too late"}, "invalid_grant", "too late"),
        (401, {}, "invalid_client", f"{ISSUER}/token refuses"),
        (403, b"<html>", "http_403", f"{ISSUER}/token refuses"),
        (400, {"error": "x" * 10_000}, "x" * 500, f"{ISSUER}/token refuses"),
        (400, {"errorCode": "E0000001", "errorSummary": "not so"}, "E0000001", "not so"),
        (404, {"error": "Not Found", "message": "gone", "errorCode": "inexistent_client"}, "inexistent_client", "gone"),
        (400, {"error": {"code": "Request_BadRequest", "message": "no"}}, "Request_BadRequest", "no"),
    ],
)
def test_a_refusal_says_what_the_server_said(status: int, content: Any, error: str, description: str) -> None:
    with pytest.raises(KeyManagerError) as caught:
        when_answered("token", fetched(content, status), issue)

    assert (error, description, status) == (caught.value.error, caught.value.description, caught.value.status)
