"""Which key manager judges a token, and what the principal inherits from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from inspect import isawaitable
from pathlib import Path
from typing import Any

import pytest
from apim_auth.jwt import JWT
from apim_sdk import Credential, Principal, Reject, Secret, errors
from apim_sdk.testing import FakeContext, FakeKeyManager, build, make_exchange, started
from support.tokens import ISSUER, NOW, claims, key, public, signed

OTHER = "https://other.example"


class Recording(FakeKeyManager):
    """Notes what it is asked for."""

    def __init__(self, *keys: Mapping[str, Any], issuer: str) -> None:
        super().__init__(*keys, issuer=issuer)
        self.asked: list[str | None] = []

    def keys(self, key_id: str | None) -> tuple[Mapping[str, Any], ...]:
        self.asked.append(key_id)
        return super().keys(key_id)


def context(**managers: FakeKeyManager) -> FakeContext:
    made = FakeContext(key_managers=managers)
    made.clock.epoch = NOW
    return made


def judge(token: str, settings: Mapping[str, Any], made: FakeContext) -> Principal:
    async def once() -> Principal:
        async with started(build(JWT, settings), made) as plugin:
            judged = plugin.judge(Credential("bearer", Secret(token)), make_exchange())
            return await judged if isawaitable(judged) else judged

    return asyncio.run(once())


def two() -> FakeContext:
    return context(main=Recording(public("a"), issuer=ISSUER), other=Recording(public("b"), issuer=OTHER))


@pytest.mark.parametrize("settings", [{}, {"key_managers": ["main", "other"]}])
def test_the_issuer_decides_which_key_manager_judges(settings: dict[str, Any]) -> None:
    made = two()

    assert "main" == judge(signed(claims()), settings, made).key_manager
    assert "other" == judge(signed(claims(iss=OTHER), {}, key("b")), settings, made).key_manager
    assert [["a"], ["b"]] == [made.key_managers[name].asked for name in ("main", "other")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("settings", [{"key_manager": "main"}, {"key_managers": ["main"]}])
def test_a_token_of_an_issuer_that_is_not_allowed_is_refused_and_nobody_asked(settings: dict[str, Any]) -> None:
    made = two()

    with pytest.raises(Reject) as caught:
        judge(signed(claims(iss=OTHER), {}, key("b")), settings, made)

    assert (errors.INVALID_CREDENTIALS, 401) == (caught.value.kind, caught.value.status)
    assert [[], []] == [manager.asked for manager in made.key_managers.values()]  # type: ignore[attr-defined]


def test_the_key_of_one_issuer_signs_for_no_other() -> None:
    with pytest.raises(Reject) as caught:
        judge(signed(claims(iss=OTHER), {"kid": "a"}, key("a")), {}, two())

    assert "no key fits" in (caught.value.detail or "")


def test_without_any_key_manager_there_is_no_start() -> None:
    with pytest.raises(LookupError, match="no key manager"):
        judge("x", {}, context())


def test_a_key_manager_that_the_api_does_not_allow_stops_the_start() -> None:
    class Narrow(FakeContext):
        def key_manager(self, name: str) -> FakeKeyManager:
            return FakeKeyManager(issuer=OTHER)

    with pytest.raises(LookupError, match="'other' are not accepted here"):
        judge("x", {"key_manager": "other"}, Narrow(key_managers={"main": FakeKeyManager(issuer=ISSUER)}))


class Entra(FakeKeyManager):
    """Has claims of its own."""

    client_id_claim = "appid"
    scope_claim = "scp"

    def claims(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**claims, "organisation": claims["tid"]}


def test_a_key_manager_says_how_its_claims_are_called() -> None:
    token = signed(claims(appid="a-1", azp="b-2", scp="read write", tid="t-3"))
    made = context(main=Entra(public(), issuer=ISSUER))

    principal = judge(token, {"required_claims": {"organisation": "t-3"}}, made)
    expected = ("a-1", frozenset({"read", "write"}), "t-3")
    assert expected == (principal.client_id, principal.scopes, principal.claims["organisation"])

    principal = judge(token, {"client_id_claim": "azp", "scope_claim": "scope"}, made)
    assert ("b-2", frozenset()) == (principal.client_id, principal.scopes)


@pytest.mark.parametrize(
    ("claim", "given", "expected"),
    [
        ("roles", {"roles": ["a", "b"]}, {"a", "b"}),
        ("roles", {"roles": "a b"}, {"a", "b"}),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, {"a"}),
        ("https://x.example/roles", {"https://x.example/roles": ["a"]}, {"a"}),
        ("realm_access.roles", {"realm_access": ["roles"]}, set()),
        ("roles", {}, set()),
    ],
)
def test_roles_come_from_a_claim(claim: str, given: dict[str, Any], expected: set[str]) -> None:
    made = context(main=FakeKeyManager(public(), issuer=ISSUER))

    assert frozenset(expected) == judge(signed(claims(**given)), {"roles_claim": claim}, made).roles
    assert frozenset() == judge(signed(claims(**given)), {}, made).roles


@pytest.mark.parametrize(
    ("keytype", "expected"),
    [("PRODUCTION", "production"), ("SANDBOX", "sandbox"), ("x", None), (None, None), ([], None)],
)
def test_a_token_may_say_for_which_world_it_is(keytype: Any, expected: str | None) -> None:
    made = context(main=FakeKeyManager(public(), issuer=ISSUER))

    assert expected == judge(signed(claims(keytype=keytype)), {}, made).key_type


def pem(name: str) -> str:
    return key(name).as_pem(private=False).decode()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"keys": [public("a"), public("b")]}),
        json.dumps(public("a")),
        json.dumps(key("a").as_dict(private=True)),
        pem("a"),
        pem("b") + pem("a"),
    ],
)
def test_an_issuer_without_a_key_manager_is_known_by_a_file_of_keys(content: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(content)
    settings = {"keys": str(file), "issuer": ISSUER}

    assert ("anna", None) == attributes(judge(signed(claims()), settings, context()))
    with pytest.raises(Reject):
        judge(signed(claims(iss=OTHER)), settings, context())
    with pytest.raises(Reject):
        judge(signed(claims(), {"kid": "a"}, key("evil")), settings, context())


def test_an_issuer_without_a_key_manager_is_known_by_keys_that_are_written() -> None:
    settings = {"jwks": {"keys": [public("a"), public("b")]}, "issuer": ISSUER}

    assert ("anna", None) == attributes(judge(signed(claims()), settings, context()))
    with pytest.raises(Reject):
        judge(signed(claims(iss=OTHER)), settings, context())
    with pytest.raises(Reject):
        judge(signed(claims(), {"kid": "a"}, key("evil")), settings, context())


@pytest.mark.parametrize("written", [{}, {"keys": []}, {"keys": "a"}, {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}])
def test_written_keys_that_are_none_stop_the_start(written: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`jwks`"):
        judge("x", {"jwks": written}, context())


def attributes(principal: Principal) -> tuple[str, str | None]:
    return principal.subject, principal.key_manager


def test_a_certificate_is_a_public_key_too(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from joserfc.jwk import ECKey
    from support.authority import make_certificates

    made = make_certificates(tmp_path)
    load_pem_private_key(made.key.read_bytes(), None)
    token = signed(claims(), {"kid": "x"}, ECKey.import_key(made.key.read_bytes(), {"kid": "x"}))

    assert "anna" == judge(token, {"keys": str(made.certificate)}, context()).subject


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "-----BEGIN X-----"]
)
def test_a_file_without_public_keys_stops_the_start(content: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(content)

    with pytest.raises(ValueError, match="keys"):
        judge("x", {"keys": str(file)}, context())


@pytest.mark.parametrize(
    "settings",
    [
        {"key_manager": "a", "key_managers": ["b"]},
        {"key_manager": "a", "keys": "k"},
        {"keys": "k", "jwks": {}},
        {"issuer": ISSUER},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"`keys`"):
        build(JWT, settings)
