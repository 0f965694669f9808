"""The test kit for plugins: fakes of all that surrounds one, and the suite that every plugin passes.

    exchange = make_exchange("POST /orders?x=1", headers={"X-Tier": "gold"}, body=b"{}")
    outcome = call(build("set-header", {"name": "X-Gateway", "value": "apim"}), exchange)

``apim_sdk.testing.backend`` has a backend on a real socket, ``apim_sdk.testing.strategies`` (needs hypothesis) makes
requests up, ``apim_sdk.testing.conformance`` (needs pytest) is the suite.
"""

from apim_sdk.testing.building import build, installed
from apim_sdk.testing.calling import Outcome, call, run
from apim_sdk.testing.context import (
    FakeApplications,
    FakeContext,
    FakeFetched,
    FakeKeyManager,
    FakeRevocations,
    started,
)
from apim_sdk.testing.counters import FakeCounterStore
from apim_sdk.testing.delivering import Delivery, deliver
from apim_sdk.testing.endpoint import Answer, FakeEndpoint, Received
from apim_sdk.testing.exchanges import Chunks, make_body, make_exchange, make_headers, make_response
from apim_sdk.testing.recorders import FakeClock, FakeLog, FakeMetrics, Line
from apim_sdk.testing.store import FakeStore

__all__ = [
    "Answer",
    "Chunks",
    "Delivery",
    "FakeApplications",
    "FakeClock",
    "FakeContext",
    "FakeCounterStore",
    "FakeEndpoint",
    "FakeFetched",
    "FakeKeyManager",
    "FakeLog",
    "FakeMetrics",
    "FakeRevocations",
    "FakeStore",
    "Line",
    "Outcome",
    "Received",
    "build",
    "call",
    "deliver",
    "installed",
    "make_body",
    "make_exchange",
    "make_headers",
    "make_response",
    "run",
    "started",
]
