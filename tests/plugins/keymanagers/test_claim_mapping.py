"""Claims get the names that are used here."""

from __future__ import annotations

from typing import Any

import pytest
from apim_keymanagers.claim_mapping import claim_mapper
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("mapping", "claims", "mapped"),
    [
        ({}, {"sub": "anna"}, {"sub": "anna"}),
        ({"groups": "roles"}, {"sub": "anna", "groups": ["clerk"]}, {"sub": "anna", "roles": ["clerk"]}),
        ({"email": "sub"}, {"sub": "1", "email": "a@x.example"}, {"sub": "a@x.example"}),
        (
            {"realm_access.roles": "roles"},
            {"realm_access": {"roles": ["clerk"]}},
            {"realm_access": {"roles": ["clerk"]}, "roles": ["clerk"]},
        ),
        ({"https://x.example/roles": "roles"}, {"https://x.example/roles": ["clerk"]}, {"roles": ["clerk"]}),
        ({"a.b": "c"}, {"a.b": 1, "a": {"b": 2}}, {"a": {"b": 2}, "c": 1}),
        ({"a.b": "c"}, {"a": "text"}, {"a": "text"}),
        ({"a.b": "c"}, {"a": None}, {"a": None}),
        ({"a": "b", "b": "a"}, {"a": 1, "b": 2}, {"a": 2, "b": 1}),
    ],
)
def test_claims_are_renamed(mapping: dict[str, str], claims: dict[str, Any], mapped: dict[str, Any]) -> None:
    assert mapped == claim_mapper(mapping)(claims)


def test_a_name_that_is_given_here_is_filled_by_no_claim_of_the_token() -> None:
    """Whoever may choose a claim at the issuer would else choose roles here."""
    assert {"sub": "anna"} == claim_mapper({"realm_access.roles": "roles"})({"sub": "anna", "roles": ["admin"]})


@pytest.mark.parametrize("local", ["iss", "exp", "nbf", "cnf"])
def test_nothing_is_put_in_place_of_what_makes_a_token_good(local: str) -> None:
    with pytest.raises(ValueError, match=local):
        claim_mapper({"remote": local})


@given(
    st.dictionaries(st.text(max_size=5), st.recursive(st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
)
def test_the_claims_themselves_stay_as_they_are(claims: dict[str, Any]) -> None:
    before = repr(claims)
    claim_mapper({"a.b": "roles", "c": "d"})(claims)

    assert before == repr(claims)
