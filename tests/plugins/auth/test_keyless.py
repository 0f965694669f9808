"""Anybody comes in by a keyless plan."""

from __future__ import annotations

from apim_auth.keyless import Keyless
from apim_sdk import Principal
from apim_sdk.testing import build, make_exchange


def test_everybody_is_let_in_as_anonymous() -> None:
    keyless = build(Keyless)
    exchange = make_exchange("GET /orders")

    credential = keyless.find(exchange)

    assert Principal("anonymous") == keyless.judge(credential, exchange)


def test_no_subscription_is_asked_for() -> None:
    assert Keyless.requires_subscription is False


def test_it_is_no_refuge_for_a_credential_that_was_refused() -> None:
    assert Keyless.anonymous is True
