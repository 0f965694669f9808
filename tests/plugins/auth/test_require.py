"""A rule in CEL must be true, or the call is refused."""

from __future__ import annotations

from typing import Any

import pytest
from apim_auth.require import Require
from apim_sdk import Principal
from apim_sdk.testing import Outcome, build, call, make_exchange


def outcome(rule: str, **settings: Any) -> Outcome:
    principal = Principal("anna", frozenset({"read"}), {"tenant": "acme", "age": 7})
    exchange = make_exchange("GET /a", principal=principal, path_parameters={"tenant": "acme"})
    return call(build(Require, {"rule": rule, **settings}), exchange, flow="request")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("claims.tenant == path.tenant", 200),
        ("claims.tenant == 'other'", 403),
        ("'read' in principal.scopes && request.method == 'GET'", 200),
        ("true", 200),
        ("false", 403),
        ("null", 403),
        ("1", 403),
        ("'true'", 403),
        ("claims.tenant", 403),
        ("claims.age / 0 == 1", 403),
        ("claims.none.of.these == 1", 403),
        ("int(claims.tenant) == 1", 403),
        ("claims.none == null", 200),
    ],
)
def test_only_what_is_true_lets_in(rule: str, expected: int) -> None:
    assert expected == outcome(rule).status


def test_the_client_is_told_what_the_operator_wrote_and_not_more() -> None:
    fault = outcome("claims.tenant == 'secret-tenant'", message="Not your tenant", status=404).fault

    assert fault is not None
    assert (404, "404", "REQUIREMENT_NOT_MET", "Not your tenant") == (
        fault.status,
        fault.kind.code,
        fault.kind.key,
        fault.description,
    )
    assert "secret-tenant" not in fault.description


def test_the_operator_is_told_of_an_error_in_the_rule() -> None:
    fault = outcome("claims.age / 0 == 1").fault

    assert fault is not None
    assert "the rule has an error" in (fault.detail or "")


@pytest.mark.parametrize("settings", [{"rule": "a b"}, {"rule": "nobody.x"}, {"rule": "true", "status": 200}, {}])
def test_a_rule_that_makes_no_sense_is_refused_before_it_runs(settings: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"rule|status"):
        build(Require, settings)
