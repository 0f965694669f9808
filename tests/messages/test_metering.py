"""Meters of messages: each API has its own, and there are only so many."""

from __future__ import annotations

import pytest
from apim_sdk import API

from apim_core.messages import metering
from apim_core.messages.metering import open_meters
from apim_core.metrics import Metrics


def test_apis_and_versions_are_told_apart_until_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MOST_APIS", 2)
    metrics = Metrics()
    meter_of = open_meters(metrics)

    for api in (API("a", "1", "/a/1"), None, API("b", "1", "/b"), API("a", "1", "/a/1"), API("a", "2", "/a/2")):
        meter = meter_of(api)
        meter.count("to_client", "passed")
        meter.count_bytes("to_client", 5)

    assert {
        'apim_messages_total{api="a",direction="to_client",outcome="passed",version="1"} 2.0',
        'apim_messages_total{api="",direction="to_client",outcome="passed",version=""} 1.0',
        'apim_messages_total{api="other",direction="to_client",outcome="passed",version=""} 2.0',
        'apim_message_bytes_total{api="a",direction="to_client",version="1"} 10.0',
        'apim_message_bytes_total{api="",direction="to_client",version=""} 5.0',
        'apim_message_bytes_total{api="other",direction="to_client",version=""} 10.0',
    } == _series(metrics)


def test_what_is_known_stays_known_when_others_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "MOST_APIS", 1)
    meter_of = open_meters(Metrics())
    first = meter_of(API("a", "1", "/a/1"))

    assert meter_of(API("b", "1", "/b")) is meter_of(API("c", "1", "/c"))
    assert first is meter_of(API("a", "1", "/a/1"))


def _series(metrics: Metrics) -> set[str]:
    lines = metrics.exposition().decode().splitlines()
    return {line for line in lines if line.startswith("apim_message")}
