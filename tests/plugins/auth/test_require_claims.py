"""Who has no token with claims as required is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from apim_auth.require_claims import RequireClaims
from apim_sdk import Principal, errors
from apim_sdk.testing import build, call, make_exchange


def status(rule: dict[str, Any], claims: dict[str, Any], name: str = "c") -> int:
    policy = build(RequireClaims, {"claims": {name: rule}})
    return call(policy, make_exchange(principal=Principal("anna", claims=claims)), flow="request").status


@pytest.mark.parametrize(
    ("rule", "claims", "expected"),
    [
        ({"equals": "a"}, {"c": "a"}, 200),
        ({"equals": "a"}, {"c": "b"}, 403),
        ({"equals": "a"}, {"c": "A"}, 403),
        ({"equals": "a"}, {"c": ["b", "a"]}, 200),
        ({"equals": "a"}, {"c": []}, 403),
        ({"equals": "a"}, {"c": None}, 403),
        ({"equals": "a"}, {}, 403),
        ({"equals": True}, {"c": True}, 200),
        ({"equals": True}, {"c": 1}, 403),
        ({"equals": True}, {"c": "true"}, 403),
        ({"equals": False}, {"c": False}, 200),
        ({"equals": False}, {"c": 0}, 403),
        ({"equals": 1}, {"c": 1.0}, 200),
        ({"equals": 1}, {"c": True}, 403),
        ({"equals": 1}, {"c": "1"}, 403),
        ({"one_of": ["a", "b"]}, {"c": "b"}, 200),
        ({"one_of": ["a", "b"]}, {"c": "c"}, 403),
        ({"one_of": ["a", 1]}, {"c": [1]}, 200),
        ({"one_of": [1]}, {"c": True}, 403),
        ({"matches": "a+"}, {"c": "aaa"}, 200),
        ({"matches": "a+"}, {"c": "aaab"}, 403),
        ({"matches": "a+"}, {"c": "baaa"}, 403),
        ({"matches": "a+"}, {"c": "aaa\n"}, 403),
        ({"matches": "1"}, {"c": 1}, 403),
        ({"matches": ".*@acme\\.example"}, {"c": ["x", "anna@acme.example"]}, 200),
        ({"matches": ".*@acme\\.example"}, {"c": "anna@acmeXexample"}, 403),
        ({"matches": "a.*", "one_of": ["ab", "bb"]}, {"c": "ab"}, 200),
        ({"matches": "a.*", "one_of": ["ab", "bb"]}, {"c": ["bb", "ac"]}, 403),
        ({"present": True}, {"c": 0}, 200),
        ({"present": True}, {"c": ""}, 200),
        ({"present": True}, {"c": None}, 403),
        ({"present": True}, {}, 403),
        ({"present": False}, {}, 200),
        ({"present": False}, {"c": "a"}, 403),
        ({"present": False}, {"c": None}, 200),
        ({"present": False}, {"c": []}, 403),
    ],
)
def test_a_claim_is_as_required_or_the_call_is_refused(
    rule: dict[str, Any], claims: dict[str, Any], expected: int
) -> None:
    assert expected == status(rule, claims)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"realm": {"roles": ["a"]}}, 200),
        ({"realm.roles": "a"}, 200),
        ({"realm.roles": "b", "realm": {"roles": ["a"]}}, 403),
        ({"realm": "a"}, 403),
        ({"realm": {"roles": None}}, 403),
        ({}, 403),
    ],
)
def test_dots_lead_into_claims_where_no_claim_has_the_name(claims: dict[str, Any], expected: int) -> None:
    assert expected == status({"equals": "a"}, claims, "realm.roles")


def test_every_claim_must_be_as_required() -> None:
    policy = build(RequireClaims, {"claims": {"a": {"equals": 1}, "b": {"equals": 2}}})

    def of(**claims: Any) -> int:
        return call(policy, make_exchange(principal=Principal("anna", claims=claims)), flow="request").status

    assert [200, 403, 403] == [of(a=1, b=2), of(a=1), of(b=2)]


def test_a_refusal_names_the_claim_to_the_operator_only() -> None:
    policy = build(RequireClaims, {"claims": {"tenant": {"equals": "acme"}}})
    fault = call(policy, make_exchange(principal=Principal("anna", claims={"tenant": "other"})), flow="request").fault

    assert fault is not None
    assert (errors.CLAIM_MISMATCH, "the claim tenant is not as required") == (fault.kind, fault.detail)
    assert "other" not in f"{fault.description} {fault.detail}"


def test_nobody_has_no_claims() -> None:
    policy = build(RequireClaims, {"claims": {"a": {"present": True}}})

    assert 403 == call(policy, make_exchange(), flow="request").status


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, "say what the claim must be"),
        ({"present": False, "equals": "a"}, "must not be there cannot be of a value"),
        ({"matches": "("}, "matches"),
        ({"matches": "(a)\\1"}, "matches"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        build(RequireClaims, {"claims": {"c": rule}})


def test_some_claim_must_be_required() -> None:
    with pytest.raises(Exception, match="claims"):
        build(RequireClaims, {"claims": {}})


def test_no_claim_makes_a_pattern_run_for_long() -> None:
    started = time.process_time()

    assert 403 == status({"matches": "(a+)+"}, {"c": "a" * 50_000 + "!"})
    assert time.process_time() - started < 2
