"""One policy is called as the gateway would call it."""

import asyncio

import attrs
import pytest
from apim_sdk import Fault, Policy, Reject, Respond, errors
from apim_sdk.testing import Answer, FakeContext, FakeEndpoint, call, make_exchange, make_response, run


@attrs.frozen
class Journal(Policy):
    """Writes down which of its methods ran."""

    def on_request(self, exchange):
        exchange.variables.setdefault("ran", []).append("on_request")

    async def around(self, exchange, send):
        exchange.variables["ran"].append("before the endpoint")
        response = await send(exchange)
        exchange.variables["ran"].append("behind the endpoint")
        return response

    def after(self, exchange):
        exchange.variables["ran"].append("after")

    def on_response(self, exchange):
        exchange.variables.setdefault("ran", []).append("on_response")

    async def on_fault(self, exchange):
        exchange.variables.setdefault("ran", []).append(f"on_fault {exchange.fault.kind.key}")


class Gate(Policy):
    """Answers or refuses as a header says, and tells whether ``after`` ran."""

    def on_request(self, exchange):
        match exchange.request.headers.get("X-Do"):
            case "refuse":
                raise Reject(403, "no")
            case "answer":
                raise Respond(make_response(203, body=b"cached"))
            case "break":
                raise ZeroDivisionError("a bug")

    def after(self, exchange):
        exchange.variables["after"] = True


def test_a_policy_runs_in_the_request_flow_unless_told():
    outcome = call(Journal(), make_exchange())

    assert ["on_request", "before the endpoint", "behind the endpoint", "after"] == outcome.exchange.variables["ran"]


def test_the_response_flow_runs_on_the_endpoints_answer():
    outcome = call(Journal(), make_exchange(), flow="response", endpoint=FakeEndpoint(Answer(201, body="made")))

    assert (["on_response"], 201, b"made") == (outcome.exchange.variables["ran"], outcome.status, outcome.body)


def test_the_response_flow_runs_on_the_response_that_the_exchange_has():
    outcome = call(Journal(), make_exchange(response=make_response(204)), flow="response")

    assert (204, False) == (outcome.status, outcome.reached_endpoint)


def test_the_fault_flow_runs_on_the_fault_that_the_exchange_has():
    outcome = call(Journal(), make_exchange(fault=Fault(errors.ENDPOINT_TIMEOUT)), flow="fault")

    assert (["on_fault REQUEST_TIMEOUT"], 504) == (outcome.exchange.variables["ran"], outcome.status)


def test_a_refusal_is_the_fault_and_the_endpoint_hears_nothing():
    outcome = call(Gate(), make_exchange(headers={"X-Do": "refuse"}))

    assert (403, None, False) == (outcome.fault.status, outcome.response, outcome.reached_endpoint)


def test_after_does_not_run_for_a_step_that_refused():
    assert {} == call(Gate(), make_exchange(headers={"X-Do": "refuse"})).exchange.variables


def test_an_answer_in_the_endpoints_stead_is_the_response():
    outcome = call(Gate(), make_exchange(headers={"X-Do": "answer"}))

    assert (203, b"cached", False) == (outcome.status, outcome.body, outcome.reached_endpoint)


def test_after_runs_when_the_endpoint_fails():
    outcome = call(Gate(), make_exchange(), endpoint=FakeEndpoint(Answer(fault=Fault(errors.ENDPOINT_TIMEOUT))))

    assert (504, True) == (outcome.status, outcome.exchange.variables["after"])


def test_after_finds_the_answer_that_is_about_to_be_sent():
    class Watching(Policy):
        def after(self, exchange):
            exchange.variables["status"] = exchange.response.status

    failing = FakeEndpoint(Answer(fault=Fault(errors.ENDPOINT_TIMEOUT)))
    assert 201 == call(Watching(), make_exchange(), endpoint=FakeEndpoint(Answer(201))).exchange.variables["status"]
    assert 504 == call(Watching(), make_exchange(), endpoint=failing).exchange.variables["status"]


@pytest.mark.parametrize("answer", [Answer(body=[b"a", b"b"]), Answer(fault=Fault(errors.ENDPOINT_TIMEOUT))])
def test_what_was_deferred_runs_last_the_last_one_first(answer):
    class Deferring(Policy):
        def on_request(self, exchange):
            for name in ("first", "second"):
                exchange.defer(lambda name=name: exchange.variables["ran"].append(name))

        def after(self, exchange):
            exchange.variables["ran"] = ["after"]

    outcome = call(Deferring(), make_exchange(), endpoint=FakeEndpoint(answer))
    assert ["after", "second", "first"] == outcome.exchange.variables["ran"]


def test_a_bug_comes_out_as_it_is():
    with pytest.raises(ZeroDivisionError):
        call(Gate(), make_exchange(headers={"X-Do": "break"}))


def test_a_flow_that_the_policy_is_not_for_is_refused():
    with pytest.raises(ValueError, match="Gate defines none of on_fault"):
        call(Gate(), make_exchange(), flow="fault")


def test_a_policy_that_reads_the_body_finds_it_whole():
    class Length(Policy):
        reads_body = True

        def on_request(self, exchange):
            exchange.variables["length"] = len(exchange.request.body.data)

    assert 3 == call(Length(), make_exchange(body=[b"a", b"bc"])).exchange.variables["length"]


def test_bodies_have_been_read_when_the_call_returns():
    outcome = call(Journal(), make_exchange(body=[b"x", b"y"]), endpoint=FakeEndpoint(Answer(body=[b"o", b"k"])))

    assert (b"xy", b"ok") == (outcome.exchange.request.body.data, outcome.body)


def test_a_call_starts_and_stops_the_policy():
    seen = []

    class Started(Policy):
        async def start(self, context):
            seen.append(context.place)

        def on_request(self, exchange):
            seen.append("on_request")

        async def stop(self):
            seen.append("stop")

    call(Started(), make_exchange(), context=FakeContext(place="here"))
    assert ["here", "on_request", "stop"] == seen


def test_a_coroutine_runs_a_policy_on_several_exchanges():
    async def statuses():
        gate = Gate()
        return [(await run(gate, make_exchange(headers={"X-Do": what}))).status for what in ("refuse", "answer")]

    assert [403, 203] == asyncio.run(statuses())
