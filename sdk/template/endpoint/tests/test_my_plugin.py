"""What my-plugin does."""

import asyncio
import json

from apim_sdk.testing import build, make_exchange
from apim_sdk.testing.conformance import suite

test_conformance = suite("my-plugin")


def test_the_answer_says_what_was_asked():
    endpoint = build("my-plugin", {"greeting": "good morning"})
    response = asyncio.run(endpoint.send(make_exchange("POST /orders", body=[b"two", b"chunks"])))

    assert json.loads(response.body.data) == {
        "greeting": "good morning",
        "method": "POST",
        "path": "/orders",
        "bytes": 9,
    }
