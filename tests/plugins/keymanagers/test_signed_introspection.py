"""A signed introspection answer counts only if it is by the server, for us, of now, and about a token (RFC 9701)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from apim_keymanagers.answers import BadAnswer
from apim_keymanagers.oidc import OIDC
from apim_sdk import KeyManagerError
from apim_sdk.testing import FakeContext, FakeFetched, build, started
from support.tokens import ISSUER, key, part, public, signed

SIGNED = "application/token-introspection+jwt"
HEADER = {"typ": "token-introspection+jwt"}
SETTINGS = {
    "issuer": ISSUER,
    "jwks": {"url": f"{ISSUER}/jwks"},
    "introspection_endpoint": f"{ISSUER}/introspect",
    "credentials": {"id": "gateway", "secret": "the secret of gateway"},
}
NOW = FakeContext().clock.now()
GOOD = {"iss": ISSUER, "aud": "gateway", "iat": NOW, "token_introspection": {"active": True, "sub": "anna"}}


def introspected(
    answer: str | bytes, kind: str = SIGNED, status: int = 200, *, wanted: bool = True
) -> Mapping[str, Any]:
    """What is believed of an answer; ``wanted`` says that it has to be signed."""
    keys = {"keys": [public(), public("rsa", "RSA", 2048)]}
    body = answer if isinstance(answer, bytes) else answer.encode()
    fetches = {
        f"{ISSUER}/jwks": FakeFetched(200, {}, json.dumps(keys).encode()),
        f"{ISSUER}/introspect": FakeFetched(status, {"content-type": kind}, body),
    }

    async def once() -> Mapping[str, Any]:
        manager = build(OIDC, {**SETTINGS, "signed_introspection": wanted})
        async with started(manager, FakeContext(fetches=fetches)):
            return await manager.introspect("token")

    return asyncio.run(once())


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("kind", [SIGNED, f"{SIGNED.upper()}; charset=utf-8"])
@pytest.mark.parametrize("changes", [{}, {"aud": ["another", "gateway"]}, {"iat": NOW - 299}])
def test_a_good_answer_counts(changes: dict[str, Any], kind: str, wanted: bool) -> None:
    answer = signed({**GOOD, **changes}, HEADER)

    assert {"active": True, "sub": "anna"} == introspected(answer, kind, wanted=wanted)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"iat": NOW - 301},
        {"iat": NOW + 301},
        {"iat": None},
        {"iat": True},
        {"token_introspection": None},
        {"token_introspection": True},
        {"token_introspection": {"sub": "anna"}},
    ],
)
def test_an_answer_by_another_or_for_another_or_of_another_time_does_not(changes: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        introspected(signed({**GOOD, **changes}, HEADER))


@pytest.mark.parametrize(
    "answer",
    [
        signed(GOOD, HEADER, key("stranger")),
        signed(GOOD, {**HEADER, "kid": "a"}, key("stranger")),
        signed(GOOD, {**HEADER, "kid": 1}),
        signed(GOOD, {"typ": "at+jwt"}),
        signed(GOOD, {"typ": None}),
        signed(GOOD, {**HEADER, "crit": ["exp"]}),
        signed(GOOD, {**HEADER, "b64": False}),
        signed(GOOD, {**HEADER, "kid": "rsa"}),
        f"{part({**HEADER, 'alg': 'none'})}.{part(GOOD)}.",
        f"{part({**HEADER, 'alg': 'HS256', 'kid': 'a'})}.{part(GOOD)}.{part('signature')}",
        f"{part({**HEADER, 'alg': ['ES256'], 'kid': 'a'})}.{part(GOOD)}.{part('signature')}",
        signed(GOOD, HEADER).rpartition(".")[0] + ".AA",
        signed(GOOD, HEADER) + ".x",
        "a.b.c",
        "",
        b"\xff",
    ],
    ids=range(16),
)
def test_an_answer_that_the_server_has_not_signed_as_such_does_not(answer: str | bytes) -> None:
    with pytest.raises(BadAnswer):
        introspected(answer)


def test_an_answer_that_is_not_signed_does_not_where_one_is_wanted() -> None:
    with pytest.raises(BadAnswer, match="does not sign"):
        introspected('{"active": true}', "application/json")


def test_a_refusal_need_not_be_signed() -> None:
    with pytest.raises(KeyManagerError, match="invalid_client"):
        introspected('{"error": "invalid_client"}', "application/json", 401)
