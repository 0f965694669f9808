"""`when_message`: a condition in CEL by which a step sees a message, or does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Exchange, Message, MessageExpression, Principal
from apim_sdk.errors import EvaluationError
from apim_sdk.testing import make_exchange
from support.assembling import assembled
from support.gateway import Served, run
from support.streaming import streaming, through, watching

from apim_core.config import ConfigErrors
from apim_core.message_variables import MOST_READ


def holds(
    source: str, data: bytes | str = b"", kind: Any = "text", exchange: Exchange | None = None, **more: Any
) -> Any:
    """The value of an expression about a message."""
    raw = data.encode() if isinstance(data, str) else data
    message = Message(more.pop("direction", "to_backend"), kind, raw, **more)
    return MessageExpression(source).evaluate(exchange or make_exchange(), message)


@pytest.mark.parametrize(
    "source",
    [
        "message.kind == 'text' && message.direction == 'to_backend' && message.size == 7",
        "message.text.contains('gr')",
        "message.event == '' && message.id == null",
    ],
)
def test_an_expression_sees_what_a_message_is(source: str) -> None:
    assert holds(source, "größe")


def test_an_expression_sees_the_name_and_id_of_an_event() -> None:
    assert holds("message.event == 'price' && message.id == '7'", kind="event", event="price", id="7")


def test_an_expression_sees_the_exchange_too() -> None:
    exchange = make_exchange("GET /live?room=a", principal=Principal("anna", claims={"tier": "free"}), plan="gold")
    exchange.request.headers.set("X-Tenant", "t1")

    for source in (
        "claims.tier == 'free' && message.size == 1",
        "claims['absent'] == null && plan.name == 'gold'",
        "request.headers['x-tenant'] == 't1' && request.query['room'] == 'a'",
    ):
        assert holds(source, "x", exchange=exchange), source


def test_json_is_there_for_those_who_ask_for_it() -> None:
    order = json.dumps({"action": "buy", "lines": [{"n": 3}], "nothing": None})

    assert holds("message.json.action == 'buy' && message.json.lines[0].n == 3", order)
    assert holds("message.json.absent == null && !('nothing' in message.json)", order)
    assert holds("message.size > 2", "no JSON"), "which does not ask"


def test_a_binary_message_has_no_text() -> None:
    assert holds("message.text == null", b"\xff\x00", kind="binary")


@pytest.mark.parametrize(
    ("source", "data", "reason"),
    [
        ("message.json.a == 1", b"{", "no JSON that can be read"),
        ("message.json.a == 1", b"[1]", "no object"),
        ("message.json.a == 1", b'{"a": 1, "a": 2}', "a name twice"),
        ("message.json.a == 1", b'{"a": NaN}', "NaN is no number of JSON"),
        ("message.json.a == 1", b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "no JSON that can be read"),
        ("message.json.a == 1", b'{"a": ' + b"9" * 5_000 + b"}", "no JSON that can be read"),
        ("message.json.a == 1", b'{"a": "' + b"x" * MOST_READ + b'"}', "at most 65,536"),
        ("message.text == ''", b"x" * (MOST_READ + 1), "the message has 65,537 bytes"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_false(source: str, data: bytes, reason: str) -> None:
    with pytest.raises(EvaluationError, match=reason):
        holds(source, data)
    assert holds(f"message.size > 0 || {source}", data)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("message.sise > 1", "did you mean 'size'"),
        ("request.body == ''", "a stream has none"),
        ("message.size >", "line 1"),
    ],
)
def test_a_mistake_is_found_when_the_configuration_is_read(source: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        MessageExpression(source)


def test_a_step_that_sees_no_messages_takes_no_condition_of_them(tmp_path: Path) -> None:
    text = """
        apis:
          - name: live
            context: /live
            endpoint: {mock: {}}
            plans: [{name: public, authentication: {keyless: {}}}]
            flows:
              request:
                - set-header: {name: X, value: y}
                  when_message: message.size > 1
                - rate-limit: {requests: 1, per: 1s, key: api}
                  when_message: message.size > 1
                - rate-limit: {requests: 1, per: 1s, key: api, unit: events}
                  when_message: message.size > 1
            operations: [{match: "* /*"}]
        """
    with pytest.raises(ConfigErrors) as refused:
        assembled(text, tmp_path)

    assert ["/apis/0/flows/request/0/set-header", "/apis/0/flows/request/1/rate-limit"] == [
        problem.pointer for problem in refused.value.problems
    ]
    assert "sees none as it is configured" in refused.value.problems[0].message


async def told(served: Served, *messages: str) -> list[str]:
    """What a client of an echo hears, a message each."""
    async with served.session.ws_connect(f"{served.url}/live/echo") as socket:
        heard = []
        for message in messages:
            await socket.send_str(message)
            heard.append((await socket.receive(timeout=10)).data)
        return heard


def scene(folder: Path, step: str, *messages: str) -> tuple[list[str], list[Message], float]:
    """What a client hears, what the policy sees, and how many conditions failed."""

    async def body() -> tuple[list[str], list[Message], float]:
        policy, seen = watching()
        async with streaming() as streams, through(streams.port, folder, step, watching=policy) as served:
            heard = await told(served, *messages)
            exposed = served.gateway.metrics.exposition().decode().splitlines()
            failed = [line.split()[-1] for line in exposed if line.startswith("apim_condition_errors_total{")]
            return heard, seen, sum(map(float, failed))

    return run(body)


def test_a_step_sees_the_messages_for_which_its_condition_holds(tmp_path: Path) -> None:
    step = "{watching: {}, when_message: \"message.direction == 'to_backend' && message.json.n > 1\"}"

    heard, seen, failed = scene(tmp_path, step, '{"n": 1}', '{"n": 2}')

    assert ['{"n": 1}', '{"n": 2}'] == heard
    assert [("to_backend", b'{"n": 2}')] == [(message.direction, message.data) for message in seen]
    assert 0 == failed


@pytest.mark.parametrize(
    ("on_error", "heard", "seen"),
    [
        ("fail", ["Error code: 4004 reason: The gateway could not process the request", '{"n": 2}'], [b'{"n": 2}']),
        ("skip", ["no JSON", '{"n": 2}'], [b'{"n": 2}']),
        ("run", ["no JSON", '{"n": 2}'], [b"no JSON", b'{"n": 2}']),
    ],
)
def test_an_error_in_it_means_what_it_means_elsewhere(
    tmp_path: Path, on_error: str, heard: list[str], seen: list[bytes]
) -> None:
    condition = "message.direction == 'to_backend' && message.json.n > 1"
    step = f'{{watching: {{}}, on_error: {on_error}, when_message: "{condition}"}}'

    found, passed, failed = scene(tmp_path, step, "no JSON", '{"n": 2}')

    assert heard == found
    assert seen == [message.data for message in passed]
    assert 1 == failed


def test_a_limit_of_events_counts_those_that_it_is_to_see(tmp_path: Path) -> None:
    step = (
        "{rate-limit: {requests: 2, per: 1h, key: api, unit: events}, "
        "when_message: \"message.direction == 'to_backend' && message.size > 3\"}"
    )

    heard, _, _ = scene(tmp_path, step, "a", "b", "long 1", "c", "long 2", "long 3", "d")

    assert ["a", "b", "long 1", "c", "long 2", "Error code: 4003 reason: Websocket frame throttled out", "d"] == heard
