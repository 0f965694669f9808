"""Each record becomes a line of JSON."""

from __future__ import annotations

import asyncio
import json
import os
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from apim_analytics.jsonl import JSONLines
from apim_sdk import API, Application, Client, Exchange, MessageTotals, Operation, Plan, Principal, Record, Reject
from apim_sdk.errors import INVALID_CREDENTIALS
from apim_sdk.testing import FakeContext, build, make_exchange, started
from hypothesis import given, settings
from hypothesis import strategies as st


def record(exchange: Exchange, status: int = 200, timestamp: float = 1768000000.25) -> Record:
    return Record(exchange, status, timestamp)


def written(*batches: list[Record], path: Path) -> list[dict[str, Any]]:
    async def write() -> None:
        sink = JSONLines(path)
        async with started(sink, FakeContext()):
            for batch in batches:
                await sink.write(batch)

    asyncio.run(write())
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_line_holds_all_that_the_record_knows(tmp_path: Path) -> None:
    exchange = make_exchange(
        "POST /orders/7?token=secret",
        host="api.example",
        client=Client(ip_address("2001:db8::1")),
        api=API("orders", "1.0", "/orders"),
        operation=Operation("POST", "/orders/{id}"),
        plan=Plan("gold"),
        principal=Principal("anna"),
        application=Application("shop", "1"),
        id="0193-7",
    )
    exchange.bytes_received = 10
    exchange.bytes_sent = 2000
    exchange.timings.started = 100.0
    exchange.timings.endpoint_started = 100.001
    exchange.timings.endpoint_finished = 100.0035
    exchange.timings.finished = 100.004

    assert [
        {
            "timestamp": "2026-01-09T23:06:40.250Z",
            "exchange_id": "0193-7",
            "method": "POST",
            "host": "api.example",
            "path": "/orders/7",
            "status": 201,
            "api": "orders",
            "version": "1.0",
            "operation": "POST /orders/{id}",
            "plan": "gold",
            "application": "shop",
            "subject": "anna",
            "client_address": "2001:db8::1",
            "bytes_received": 10,
            "bytes_sent": 2000,
            "duration": 0.004,
            "endpoint_duration": 0.0025,
        }
    ] == written([record(exchange, 201)], path=tmp_path / "log")


def test_a_stream_has_the_totals_of_its_messages(tmp_path: Path) -> None:
    exchange = make_exchange()
    totals = exchange.messages = MessageTotals()
    totals.stream, totals.received, totals.sent, totals.bytes_received, totals.bytes_sent = "events", 1, 2, 3, 4
    totals.refused, totals.dropped = 5, 6
    [open_ended] = written([record(exchange)], path=tmp_path / "first")
    totals.closed_by = 'the "last" step'

    [line] = written([record(exchange)], path=tmp_path / "log")

    assert open_ended == {name: value for name, value in line.items() if name != "closed_by"}
    assert ("events", 1, 2, 3, 4, 5, 6, 'the "last" step') == (
        line["stream"],
        line["messages_received"],
        line["messages_sent"],
        line["message_bytes_received"],
        line["message_bytes_sent"],
        line["messages_refused"],
        line["messages_dropped"],
        line["closed_by"],
    )


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    [line] = written([record(make_exchange())], path=tmp_path / "log")

    assert (None, None, None) == (line["plan"], line["application"], line["subject"])


def test_a_refusal_tells_its_error(tmp_path: Path) -> None:
    exchange = make_exchange()
    exchange.fault = Reject(INVALID_CREDENTIALS, detail='signature "x" is wrong')
    exchange.fault.policy = "jwt"

    [line] = written([record(exchange, 401)], path=tmp_path / "log")

    assert {
        "error_key": "INVALID_CREDENTIALS",
        "error_code": "900901",
        "error_detail": 'signature "x" is wrong',
        "policy": "jwt",
    } == {name: line[name] for name in ("error_key", "error_code", "error_detail", "policy")}


def test_batches_are_appended_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"path": "/0"}\n')

    lines = written(
        [record(make_exchange("GET /1")), record(make_exchange("GET /2"))], [record(make_exchange("GET /3"))], path=path
    )

    assert ["/0", "/1", "/2", "/3"] == [line["path"] for line in lines]


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"

    async def rotate() -> None:
        sink = JSONLines(path)
        async with started(sink, FakeContext()):
            await sink.write([record(make_exchange("GET /old"))])
            path.rename(tmp_path / "log.1")
            await sink.write([record(make_exchange("GET /new"))])

    asyncio.run(rotate())

    assert "/old" in (tmp_path / "log.1").read_text()
    assert "/new" in path.read_text()
    assert "/old" not in path.read_text()


def test_a_dash_is_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    async def write() -> None:
        sink = build(JSONLines, {"path": "-"})
        async with started(sink, FakeContext()):
            await sink.write([record(make_exchange("GET /seen"))])
        os.write(1, b"still open\n")

    asyncio.run(write())

    assert ['"path":"/seen"' in line for line in capfd.readouterr().out.splitlines()] == [True, False]


def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        written([], path=tmp_path / "missing" / "log")


@given(path=st.text(alphabet=st.characters(), max_size=20), subject=st.text(alphabet=st.characters(), max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_text_comes_out_as_one_line(tmp_path_factory: pytest.TempPathFactory, path: str, subject: str) -> None:
    exchange = make_exchange(principal=Principal(subject))
    exchange.request.path = f"/{path}"

    [line] = written([record(exchange)], path=tmp_path_factory.mktemp("jsonl") / "log")

    assert (f"/{path}", subject) == (line["path"], line["subject"])
