"""Flows: policies of all levels become one chain, compiled once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from apim_sdk import Body, Exchange, Expression, HeaderEdit, HeaderField, Policy, Response, Send, Template
from apim_sdk.testing import make_exchange, make_response

from apim_core.assembly.flows import EMPTY, FlowName, Level, Part, build_chain, compile_step, entry_steps
from apim_core.config import PluginReference, SourceRef, Step
from apim_core.pipeline import Chain


@attrs.frozen
class Everywhere(Policy):
    """Stands in every flow."""

    def on_request(self, exchange: Exchange) -> None:
        exchange.variables["request"] = True

    def on_response(self, exchange: Exchange) -> None:
        exchange.variables["response"] = True

    def on_fault(self, exchange: Exchange) -> None:
        exchange.variables["fault"] = True

    def after(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Wrapping(Policy):
    """Only wraps the endpoint."""

    word: str = "x"
    """What it puts around the body."""

    async def around(self, exchange: Exchange, send: Send) -> Response:
        response = await send(exchange)
        word = self.word.encode()
        return make_response(200, body=word + (response.body.data or b"") + word)


@attrs.frozen
class Inner:
    """Settings inside settings."""

    value: Template | None = None
    """A template."""


@attrs.frozen
class Texts(Policy):
    """Has texts in all kinds of places."""

    plain: Template | None = None
    """A template."""
    listed: tuple[Expression, ...] = ()
    """Expressions."""
    mapped: Mapping[str, Template] = attrs.field(factory=dict)
    """Templates."""
    inner: Inner = Inner()
    """Settings."""

    def on_request(self, exchange: Exchange) -> None:
        pass


@attrs.frozen
class Whole(Texts):
    """Must see the whole body."""

    reads_body = True


def step(plugin: str = "a-plugin", **settings: Any) -> Step:
    made = PluginReference(plugin)
    object.__setattr__(made, "source", SourceRef("apim.yaml", "/here"))
    return Step(made, **settings)


def part(policy: Policy, flow: FlowName = "request", name: str = "a-plugin", **settings: Any) -> Part:
    return compile_step(step(name=name, **settings), flow, policy, lambda _: None)


async def endpoint(exchange: Exchange) -> Response:
    return make_response(200, body=b"-")


def chain(**levels: Level) -> Chain:
    named = {name: levels.get(name, EMPTY) for name in ("gateway", "plan", "api", "operation")}
    return build_chain(**named, send=endpoint, buffer_limit=100)


def names(steps: Any) -> list[str]:
    return [each.name for each in steps]


@attrs.frozen
class Put(Policy):
    """Puts a header, as it says of itself."""

    name: str = "X"
    """The header's name."""

    @property
    def header_edits(self) -> tuple[HeaderEdit, ...]:
        field = HeaderField(self.name, "1")
        return ((field.lower_name, field.pair),)

    def on_request(self, exchange: Exchange) -> None:
        exchange.variables[self.name] = "called"

    def on_response(self, exchange: Exchange) -> None:
        exchange.variables[self.name] = "called"


# Steps that only change headers


@pytest.mark.parametrize("flow", ["request", "response"])
def test_neighbours_that_only_change_headers_are_one_step(flow: FlowName) -> None:
    parts = (
        part(Put("A"), flow, "a"),
        part(Put("B"), flow, "b"),
        part(Everywhere(), flow, "c"),
        part(Put("D"), flow, "d"),
    )
    steps = getattr(chain(api=Level(**{flow: parts})), flow)
    exchange = make_exchange()
    exchange.response = make_response(200)
    for each in steps:
        each.call(exchange)

    assert ["a, b", "c", "d"] == names(steps)
    assert ["a", "b"] == names(steps[0].together)
    message = exchange.request if flow == "request" else exchange.response
    assert {"A": "1", "B": "1"}.items() <= dict(message.headers.items()).items()
    assert {flow: True, "D": "called"} == exchange.variables


def test_a_step_with_a_condition_is_not_joined_to_its_neighbours() -> None:
    parts = (part(Put("A"), name="a"), part(Put("B"), name="b", when=Expression("false")), part(Put("C"), name="c"))
    assert ["a", "b", "c"] == names(chain(api=Level(request=parts)).request)


def test_levels_are_joined_in_their_order() -> None:
    levels = {name: Level(request=(part(Put("A"), name=name),)) for name in ("operation", "gateway", "api")}
    assert ["gateway, api, operation"] == names(chain(**levels).request)


# One step


@pytest.mark.parametrize(
    ("flow", "noted"), [("entry", "request"), ("request", "request"), ("response", "response"), ("fault", "fault")]
)
def test_a_step_calls_the_method_of_its_flow(flow: FlowName, noted: str) -> None:
    compiled = part(Everywhere(), flow).step
    assert compiled is not None
    exchange = make_exchange()
    compiled.call(exchange)
    assert {noted: True} == exchange.variables


@pytest.mark.parametrize(("flow", "count"), [("entry", 1), ("request", 1), ("response", 0), ("fault", 0)])
def test_after_is_for_the_entry_and_the_request_flow(flow: FlowName, count: int) -> None:
    compiled = part(Everywhere(), flow).step
    assert compiled is not None
    exchange = make_exchange()
    compiled.call(exchange)
    assert count == len(exchange._afters)


def test_a_policy_that_only_wraps_has_nothing_to_do_in_passing() -> None:
    compiled = part(Wrapping())
    assert compiled.step is None
    assert compiled.around is not None


@pytest.mark.parametrize(("settings", "name"), [({}, "a-plugin"), ({"name": "mine"}, "mine")])
def test_a_step_is_called_by_its_name_or_its_plugins(settings: dict[str, str], name: str) -> None:
    compiled = compile_step(step(**settings), "request", Everywhere(), lambda _: None).step
    assert compiled is not None
    assert (name, "apim.yaml", "/here") == (compiled.name, compiled.file, compiled.pointer)


def test_a_step_shows_its_condition() -> None:
    compiled = part(Everywhere(), when=Expression("1 == 2")).step
    assert compiled is not None
    assert "1 == 2" == compiled.when


# Whether a chain buffers

READS = "{{ request.body }}"


@pytest.mark.parametrize(
    ("policy", "reads"),
    [
        (Texts(), False),
        (Texts(Template("{{ request.path }}")), False),
        (Whole(), True),
        (Texts(Template(READS)), True),
        (Texts(listed=(Expression("1 == 1"), Expression("request.body == 'a'"))), True),
        (Texts(mapped={"a": Template(READS)}), True),
        (Texts(inner=Inner(Template(READS))), True),
    ],
)
def test_a_policy_reads_the_body_if_it_says_so_or_one_of_its_texts_does(policy: Policy, reads: bool) -> None:
    assert reads == part(policy).reads_body


def test_a_condition_that_reads_the_body_makes_its_step_read_it() -> None:
    assert part(Texts(), when=Expression("request.body == 'a'")).reads_body


def test_the_body_is_buffered_once_in_front_of_the_first_that_reads_it() -> None:
    parts = tuple(part(policy, name=name) for name, policy in [("a", Texts()), ("b", Whole()), ("c", Whole())])
    assert ["a", "buffer request body", "b", "c"] == names(chain(api=Level(request=parts)).request)


def test_a_chain_in_which_nobody_reads_the_body_never_buffers() -> None:
    assert ["a"] == names(chain(api=Level(request=(part(Texts(), name="a"),))).request)


def test_a_body_that_the_response_flow_reads_is_the_responses() -> None:
    @attrs.frozen
    class Reading(Policy):
        """Reads the answer."""

        reads_body = True

        def on_response(self, exchange: Exchange) -> None:
            pass

    compiled = chain(api=Level(response=(part(Reading(), "response", name="r"),))).response
    assert ["buffer response body", "r"] == names(compiled)


def test_a_wrapping_policy_that_reads_the_body_has_it_buffered_before_the_endpoint_is_called() -> None:
    @attrs.frozen
    class Retrying(Wrapping):
        """Sends the body again."""

        reads_body = True

    assert ["buffer request body"] == names(chain(api=Level(request=(part(Retrying()),))).request)


# The order of levels


def level(name: str, **more: Any) -> Level:
    flows: dict[str, Any] = {
        flow: (part(Everywhere(), flow, name=f"{name}-{flow}"),)  # type: ignore[arg-type]  # the names are those
        for flow in ("entry", "request", "response", "fault")
    }
    return Level(**flows, **more)


def test_levels_run_inwards_in_the_request_flow_and_outwards_after_it() -> None:
    limits = (part(Everywhere(), name="limits"),)
    made = chain(
        gateway=level("gateway"), plan=level("plan", limits=limits), api=level("api"), operation=level("operation")
    )
    assert ["limits", "gateway-request", "plan-request", "api-request", "operation-request"] == names(made.request)
    assert ["plan-response", "api-response", "operation-response", "gateway-response"] == names(made.response)
    assert ["plan-fault", "api-fault", "operation-fault", "gateway-fault"] == names(made.fault)


def test_the_entry_flow_is_the_gateways_then_the_apis() -> None:
    assert ["gateway-entry", "api-entry"] == names(entry_steps((level("gateway"), level("api")), None))


def test_wrappings_nest_with_the_outermost_level_outside() -> None:
    def wrapping(word: str) -> Level:
        return Level(request=(part(Wrapping(word), name=word),))

    made = chain(gateway=wrapping("g"), plan=wrapping("p"), api=wrapping("a"), operation=wrapping("o"))

    async def send() -> Body:
        return (await made.send(make_exchange())).body

    assert b"gpao-oapg" == asyncio.run(send()).data
    assert ["g", "p", "a", "o"] == names(made.arounds)


def test_without_wrappings_the_endpoint_is_called_directly() -> None:
    assert endpoint is chain(api=level("api")).send
