"""What my-plugin does."""

import pytest
from apim_sdk import Reject
from apim_sdk.testing import build, make_exchange
from apim_sdk.testing.conformance import suite

test_conformance = suite("my-plugin")


def judge(token):
    plugin = build("my-plugin", {"token": "open sesame", "subject": "partner"})
    exchange = make_exchange(headers={"X-Partner-Token": token})
    return plugin.judge(plugin.find(exchange), exchange)


def test_whoever_knows_the_token_is_the_subject():
    assert judge("open sesame").subject == "partner"


def test_a_wrong_token_is_refused():
    with pytest.raises(Reject) as refusal:
        judge("open barley")
    assert refusal.value.status == 401
