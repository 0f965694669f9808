"""Steps: what a policy has to do in one flow, folded into one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apim_sdk import Body, BodyError, Exchange, Expression, Fault, Reject, Respond, Response, errors
from apim_sdk.body import BodyTooLarge
from apim_sdk.testing import make_body, make_exchange, make_response
from support.gateway import run as run_test

from apim_core.steps import (
    CompiledStep,
    Condition,
    OnError,
    PluginFault,
    around_call,
    buffered,
    fault_of,
    run,
    step_call,
)


class Notes:
    """What was called, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def plain(self, name: str, error: BaseException | None = None) -> Callable[[Exchange], None]:
        def method(exchange: Exchange) -> None:
            self.seen.append(name)
            if error is not None:
                raise error

        return method

    def waiting(self, name: str, error: BaseException | None = None) -> Callable[[Exchange], Any]:
        async def method(exchange: Exchange) -> None:
            self.plain(name, error)(exchange)

        return method


def condition(source: str = "true", on_error: OnError = "fail", counted: list[str] | None = None) -> Condition:
    return Condition(Expression(source).evaluate, on_error, (counted if counted is not None else []).append, "the-step")


async def walked(steps: tuple[CompiledStep, ...], exchange: Exchange) -> None:
    """Run steps to the end."""
    waiting = run(steps, exchange)
    if waiting is not None:
        await waiting


def walk(*calls: Callable[..., Any]) -> Exchange:
    """Run steps named by their position on a new exchange."""
    exchange = make_exchange("GET /")

    async def scenario() -> None:
        await walked(tuple(CompiledStep(f"step-{number}", call) for number, call in enumerate(calls)), exchange)

    run_test(scenario())
    return exchange


def failure(*calls: Callable[..., Any]) -> Fault:
    with pytest.raises(Fault) as caught:
        walk(*calls)
    return caught.value


# Walking a flow


def test_plain_methods_and_coroutines_run_in_the_order_of_the_list() -> None:
    notes = Notes()
    walk(notes.plain("a"), notes.waiting("b"), notes.plain("c"))
    assert ["a", "b", "c"] == notes.seen


@pytest.mark.parametrize("kind", ["plain", "waiting"])
def test_a_refusal_ends_the_flow_and_names_its_step(kind: str) -> None:
    notes = Notes()
    fault = failure(notes.plain("a"), getattr(notes, kind)("b", Reject(403)), notes.plain("c"))
    assert (["a", "b"], "step-1", 403) == (notes.seen, fault.policy, fault.status)


def test_a_fault_that_names_its_step_already_keeps_the_name() -> None:
    fault = Fault(errors.DENIED)
    fault.policy = "inner"
    assert "inner" == failure(Notes().plain("a", fault)).policy


def test_an_answer_in_the_endpoints_stead_ends_the_flow() -> None:
    notes = Notes()
    with pytest.raises(Respond):
        walk(notes.plain("a", Respond(Response(203))), notes.plain("b"))
    assert ["a"] == notes.seen


@pytest.mark.parametrize("kind", ["plain", "waiting"])
def test_any_other_exception_is_a_500_that_tells_the_operator_all_and_the_client_nothing(kind: str) -> None:
    error = ZeroDivisionError("a secret of the inside")
    fault = failure(getattr(Notes(), kind)("a", error))
    assert isinstance(fault, PluginFault)
    assert (500, "step-0", error) == (fault.status, fault.policy, fault.error)
    assert "step-0: ZeroDivisionError: a secret of the inside" == fault.detail
    assert "secret" not in str(fault)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BodyTooLarge(10), errors.CONTENT_TOO_LARGE),
        (BodyError("cut"), errors.INCOMPLETE_PAYLOAD),
        (KeyError("x"), errors.POLICY_FAILURE),
    ],
)
def test_an_error_of_a_body_is_the_clients_any_other_the_plugins(error: Exception, kind: Any) -> None:
    fault = fault_of(error, "a step")
    assert (kind, "a step") == (fault.kind, fault.policy)


# Conditions


@pytest.mark.parametrize(("source", "seen"), [("request.method == 'GET'", ["a"]), ("request.method == 'PUT'", [])])
def test_a_step_runs_where_its_condition_is_true(source: str, seen: list[str]) -> None:
    notes = Notes()
    walk(step_call(notes.plain("a"), None, condition(source)))
    assert seen == notes.seen


@pytest.mark.parametrize("source", ["1 / request.content_length == 2", "'GET'", "null", "[true]"])
def test_an_error_in_a_condition_refuses_the_exchange_unless_the_step_says_otherwise(source: str) -> None:
    counted: list[str] = []
    notes = Notes()
    fault = failure(step_call(notes.plain("a"), None, condition(source, counted=counted)))
    assert ([], ["the-step"]) == (notes.seen, counted)
    assert (errors.CONDITION_FAILURE, "the-step") == (fault.kind, fault.policy)
    assert "condition of the-step: " in (fault.detail or "")


@pytest.mark.parametrize(("on_error", "seen"), [("skip", []), ("run", ["a"])])
def test_an_error_in_a_condition_may_skip_or_run_the_step_and_is_counted(on_error: OnError, seen: list[str]) -> None:
    counted: list[str] = []
    notes = Notes()
    walk(step_call(notes.plain("a"), None, condition("1 / request.content_length == 2", on_error, counted)))
    assert (seen, ["the-step"]) == (notes.seen, counted)


def test_a_condition_without_an_error_is_not_counted() -> None:
    counted: list[str] = []
    assert condition("true", counted=counted).holds(make_exchange()) is True
    assert condition("false", counted=counted).holds(make_exchange()) is False
    assert [] == counted


# After


@pytest.mark.parametrize("kind", ["plain", "waiting"])
def test_a_step_that_was_passed_notes_its_after(kind: str) -> None:
    notes = Notes()
    after = notes.plain("after")
    exchange = walk(step_call(getattr(notes, kind)("a"), after, None))
    assert [after] == exchange._afters


def test_a_policy_with_nothing_but_after_notes_it() -> None:
    after = Notes().plain("after")
    assert [after] == walk(step_call(None, after, None))._afters


@pytest.mark.parametrize("kind", ["plain", "waiting"])
def test_a_step_that_refused_or_failed_does_not_note_its_after(kind: str) -> None:
    exchange = make_exchange()
    notes = Notes()

    async def scenario() -> None:
        step = step_call(getattr(notes, kind)("a", Reject(403)), notes.plain("after"), None)
        with pytest.raises(Reject):
            await walked((CompiledStep("a", step),), exchange)

    run_test(scenario())
    assert [] == exchange._afters


def test_a_step_whose_condition_does_not_hold_does_not_note_its_after() -> None:
    notes = Notes()
    assert [] == walk(step_call(notes.plain("a"), notes.plain("after"), condition("false")))._afters


def test_a_step_without_a_method_or_an_after_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="needs a method, an after or an on_message"):
        step_call(None, None, None)


def test_a_plain_method_is_called_as_it_is() -> None:
    method = Notes().plain("a")
    assert method is step_call(method, None, None)


# Around


async def endpoint(exchange: Exchange) -> Response:
    return make_response(200, body=b"endpoint")


@pytest.mark.parametrize(("source", "body"), [("true", b"<endpoint>"), ("false", b"endpoint")])
def test_around_wraps_the_endpoint_where_its_condition_holds(source: str, body: bytes) -> None:
    async def brackets(exchange: Exchange, send: Any) -> Response:
        response = await send(exchange)
        return make_response(200, body=b"<" + response.body.data + b">")

    async def scenario() -> bytes:
        return (await around_call("brackets", brackets, condition(source), endpoint)(make_exchange())).body.data

    assert body == run_test(scenario())


@pytest.mark.parametrize(
    ("raised", "policy"), [(Reject(errors.ENDPOINT_SUSPENDED), "inner"), (Fault(errors.ENDPOINT_TIMEOUT), None)]
)
def test_a_refusal_on_the_way_to_the_endpoint_names_the_step_that_refused(raised: Fault, policy: str | None) -> None:
    async def refuses(exchange: Exchange, send: Any) -> Response:
        raise raised

    async def passes(exchange: Exchange, send: Any) -> Response:
        response: Response = await send(exchange)
        return response

    async def scenario() -> str | None:
        send = around_call("outer", passes, None, around_call("inner", refuses, None, endpoint))
        with pytest.raises(Fault) as caught:
            await send(make_exchange())
        return caught.value.policy

    assert policy == run_test(scenario())


# Bodies


@pytest.mark.parametrize("part", ["request", "response"])
def test_buffering_reads_the_whole_body_of_its_message(part: Any) -> None:
    exchange = make_exchange("POST /", body=[b"a", b"b"], response=make_response(200, body=[b"c", b"d"]))

    async def scenario() -> None:
        await walked((buffered(part, 10),), exchange)

    run_test(scenario())
    assert exchange.response is not None
    body = exchange.request.body if part == "request" else exchange.response.body
    assert {"request": b"ab", "response": b"cd"}[part] == body.data


def test_buffering_without_a_response_does_nothing() -> None:
    exchange = make_exchange()

    async def scenario() -> None:
        await walked((buffered("response", 10),), exchange)

    run_test(scenario())
    assert exchange.response is None


@pytest.mark.parametrize("body", [Body(b"x" * 11), make_body([b"x" * 6, b"x" * 6])], ids=["whole", "in chunks"])
def test_a_body_over_the_limit_of_buffering_is_a_413_that_says_the_limit(body: Body) -> None:
    exchange = make_exchange("POST /")
    exchange.request.body = body

    async def scenario() -> None:
        await walked((buffered("request", 10),), exchange)

    with pytest.raises(Fault) as caught:
        run_test(scenario())
    assert (413, "The body is larger than 10 bytes") == (caught.value.status, str(caught.value))
    assert "buffer request body" == caught.value.policy


def test_a_plain_method_stays_plain_with_a_condition_and_an_after() -> None:
    call = step_call(Notes().plain("a"), Notes().plain("b"), condition())
    assert call(make_exchange()) is None
