"""What my-plugin does."""

from apim_sdk.testing import build, call, make_exchange
from apim_sdk.testing.conformance import suite

test_conformance = suite("my-plugin")


def test_a_request_without_the_header_is_refused():
    outcome = call(build("my-plugin", {"header": "X-Team"}), make_exchange("GET /orders"))

    assert outcome.status == 400
    assert str(outcome.fault) == "The request lacks the header X-Team"


def test_a_request_with_the_header_goes_on_to_the_endpoint():
    exchange = make_exchange("GET /orders", headers={"X-Team": "blue"})

    assert call(build("my-plugin", {"header": "X-Team"}), exchange).reached_endpoint
