"""The request path: which flows run, in which order, and what ends an exchange early."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest
from apim_sdk import Body, Endpoint, Exchange, Policy, Reject, Respond, Response
from apim_sdk import Send as Send
from support.gateway import api, run, serving

TRACE: list[str] = []


@attrs.frozen
class Trace(Policy):
    """Notes that it ran, in every flow."""

    name: str
    """What it notes."""

    def on_request(self, exchange: Exchange) -> None:
        TRACE.append(f"request {self.name}")

    def on_response(self, exchange: Exchange) -> None:
        TRACE.append(f"response {self.name}")

    def on_fault(self, exchange: Exchange) -> None:
        TRACE.append(f"fault {self.name} {exchange.response.status if exchange.response else None}")


@attrs.frozen
class After(Policy):
    """Notes that it ran when the answer leaves."""

    name: str
    """What it notes."""

    def after(self, exchange: Exchange) -> None:
        TRACE.append(f"after {self.name} {exchange.response.status if exchange.response else None}")


@attrs.frozen
class Wrap(Policy):
    """Notes before and after the endpoint is called."""

    name: str
    """What it notes."""

    async def around(self, exchange: Exchange, send: Send) -> Response:
        TRACE.append(f"before {self.name}")
        response = await send(exchange)
        TRACE.append(f"behind {self.name}")
        return response


@attrs.frozen
class Refuse(Policy):
    """Refuses."""

    status_code: int = 418
    """With what."""

    def on_request(self, exchange: Exchange) -> None:
        raise Reject(self.status_code, "No", headers={"X-Why": "because"})

    def on_response(self, exchange: Exchange) -> None:
        raise Reject(self.status_code, "No")


@attrs.frozen
class Answering(Policy):
    """Answers in the endpoint's stead."""

    async def on_request(self, exchange: Exchange) -> None:
        raise Respond(Response(203, body=b"cached"))


@attrs.frozen
class Broken(Policy):
    """Raises what no policy should."""

    def on_request(self, exchange: Exchange) -> None:
        raise ZeroDivisionError("a secret of the inside")


@attrs.frozen
class Echo(Endpoint):
    """Answers with the request's body."""

    async def send(self, exchange: Exchange) -> Response:
        TRACE.append("endpoint")
        return Response(200, body=Body(await exchange.request.body.read()))


@attrs.frozen
class Whole(Policy):
    """Must see the whole body."""

    reads_body = True

    def on_request(self, exchange: Exchange) -> None:
        TRACE.append(f"body {exchange.request.body.data!r}")


@pytest.fixture(autouse=True)
def _empty_trace() -> None:
    TRACE.clear()


PLUGINS: dict[str, Any] = {
    "trace": Trace,
    "after": After,
    "wrap": Wrap,
    "refuse": Refuse,
    "answering": Answering,
    "broken": Broken,
    "echo": Echo,
    "whole": Whole,
}


def test_flows_of_all_levels_run_in_the_order_of_the_design(tmp_path: Path) -> None:
    text = """
        management: {enabled: false}
        flows:
          entry: [{trace: {name: gateway-entry}}]
          request: [{trace: {name: gateway}}]
          response: [{trace: {name: gateway}}]
        apis:
          - name: items
            context: /api
            endpoint: {echo: {}}
            plans:
              - name: public
                authentication: {keyless: {}}
                flows: {request: [{trace: {name: plan}}], response: [{trace: {name: plan}}]}
            flows:
              entry: [{trace: {name: api-entry}}]
              request: [{trace: {name: api-1}}, {trace: {name: api-2}}]
              response: [{trace: {name: api}}]
            operations:
              - match: GET /items
                flows: {request: [{trace: {name: operation}}], response: [{trace: {name: operation}}]}
    """

    async def scenario() -> None:
        async with serving(text, tmp_path, **PLUGINS) as served:
            assert (await served.get("/api/items")).status == 200

    run(scenario())
    assert TRACE == [
        "request gateway-entry",
        "request api-entry",
        "request gateway",
        "request plan",
        "request api-1",
        "request api-2",
        "request operation",
        "endpoint",
        "response plan",
        "response api",
        "response operation",
        "response gateway",
    ]


def outcome(tmp_path: Path, flows: str, method: str = "GET", **arguments: Any) -> tuple[int, bytes]:
    path = "/api/items/1" if method == "GET" else "/api/items"

    async def scenario() -> tuple[int, bytes]:
        async with serving(api(flows=flows, endpoint="{echo: {}}"), tmp_path, **PLUGINS) as served:
            answer = await served.call(method, path, **arguments)
            return answer.status, answer.body

    result: tuple[int, bytes] = run(scenario())
    return result


def test_a_rejection_skips_the_endpoint_and_runs_the_fault_flow(tmp_path: Path) -> None:
    flows = "{request: [{refuse: {}}, {trace: {name: x}}], response: [{trace: {name: x}}], fault: [{trace: {name: x}}]}"
    status, body = outcome(tmp_path, flows)
    assert status == 418
    assert TRACE == ["fault x 418"]
    assert b'"description": "No"' in body


def test_an_answer_in_the_endpoints_stead_runs_the_response_flow(tmp_path: Path) -> None:
    status, body = outcome(tmp_path, "{request: [{answering: {}}, {trace: {name: x}}], response: [{trace: {name: x}}]}")
    assert (status, body) == (203, b"cached")
    assert TRACE == ["response x"]


def test_after_runs_once_in_reverse_order_for_the_steps_that_were_passed(tmp_path: Path) -> None:
    flows = "{request: [{after: {name: a}}, {after: {name: b}}, {refuse: {}}, {after: {name: c}}]}"
    assert outcome(tmp_path, flows)[0] == 418
    assert TRACE == ["after b 418", "after a 418"]


def test_around_wraps_the_endpoint_the_first_outermost(tmp_path: Path) -> None:
    assert outcome(tmp_path, "{request: [{wrap: {name: a}}, {trace: {name: t}}, {wrap: {name: b}}]}")[0] == 200
    assert TRACE == ["request t", "before a", "before b", "endpoint", "behind b", "behind a"]


def test_a_policy_that_raises_costs_its_exchange_a_500_and_tells_the_client_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(api(flows="{request: [{broken: {}}]}"), tmp_path, **PLUGINS) as served:
            answer = await served.get("/api/items/1")
            assert answer.status == 500
            assert b"secret" not in answer.body
            assert [(line["event"], line["plugin"]) for line in served.log] == [("a plugin failed", "broken")]
            assert b'apim_plugin_failures_total{plugin="broken"} 1.0' in served.gateway.metrics.exposition()
            assert (await served.call("DELETE", "/api/items/1")).status == 405

    run(scenario())


def test_a_refusal_in_the_response_flow_replaces_the_answer(tmp_path: Path) -> None:
    assert outcome(tmp_path, "{response: [{refuse: {}}]}")[0] == 418


def test_a_chain_buffers_the_body_only_in_front_of_a_policy_that_must_see_it(tmp_path: Path) -> None:
    assert outcome(tmp_path, "{request: [{whole: {}}]}", "POST", data=b"abc") == (200, b"abc")
    assert TRACE == ["body b'abc'", "endpoint"]


def test_a_body_over_the_limit_of_buffering_is_refused_with_413(tmp_path: Path) -> None:
    text = api(flows="{request: [{whole: {}}]}", endpoint="{echo: {}}", rest="limits: {buffered_body: 10}\n")

    async def scenario() -> None:
        async with serving(text, tmp_path, **PLUGINS) as served:
            assert (await served.call("POST", "/api/items", data=b"x" * 10)).status == 200
            assert (await served.call("POST", "/api/items", data=b"x" * 11)).status == 413

    run(scenario())


def test_a_condition_decides_whether_a_step_runs(tmp_path: Path) -> None:
    flows = """{request: [{refuse: {}, when: "request.headers['x-tier'] == 'gold'"}]}"""
    assert outcome(tmp_path, flows)[0] == 200
    assert outcome(tmp_path, flows, headers={"X-Tier": "gold"})[0] == 418


@pytest.mark.parametrize(("on_error", "status"), [("fail", 500), ("skip", 200), ("run", 418)])
def test_an_error_in_a_condition_has_a_configured_outcome_and_is_counted(
    tmp_path: Path, on_error: str, status: int
) -> None:
    flows = f"{{request: [{{refuse: {{}}, when: '1 / request.content_length == 2', on_error: {on_error}}}]}}"

    async def scenario() -> None:
        async with serving(api(flows=flows), tmp_path, **PLUGINS) as served:
            assert status == (await served.get("/api/items/1")).status
            assert b'apim_condition_errors_total{step="refuse"} 1.0' in served.gateway.metrics.exposition()

    run(scenario())


def test_an_unknown_path_is_404_and_a_wrong_verb_405_before_any_credential(tmp_path: Path) -> None:
    text = """
        management: {enabled: false}
        apis:
          - name: items
            context: /api
            endpoint: {echo: {}}
            plans: [{name: keys, authentication: {api-key: {header: X-API-Key}}}]
            operations: [{match: GET /items}, {match: POST /items}]
    """

    async def scenario() -> None:
        async with serving(text, tmp_path, **PLUGINS) as served:
            assert (await served.get("/elsewhere")).status == 404
            wrong = await served.call("DELETE", "/api/items")
            assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD, POST")
            missing = await served.get("/api/items")
            assert (missing.status, missing.json["code"]) == (401, "900902")
            options = await served.call("OPTIONS", "/api/items")
            assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, POST")

    run(scenario())


def test_a_response_template_replaces_status_headers_and_body_of_an_error(tmp_path: Path) -> None:
    text = api(
        rest="""\
        response_templates:
          NOT_FOUND:
            status: 410
            headers: {X-Key: "{{ fault.key }}"}
            body: "gone: {{ request.path }}"
            content_type: text/plain
        """
    )

    async def scenario() -> None:
        async with serving(text, tmp_path) as served:
            answer = await served.get("/elsewhere")
            assert (answer.status, answer.body) == (410, b"gone: /elsewhere")
            assert (answer.headers["X-Key"], answer.headers["Content-Type"]) == ("NOT_FOUND", "text/plain")

    run(scenario())


@attrs.frozen
class Slow(Endpoint):
    """Never answers; notes that it began, and that it was cancelled."""

    async def send(self, exchange: Exchange) -> Response:
        TRACE.append("begun")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            TRACE.append("cancelled")
        raise AssertionError


async def until(condition: Any) -> None:
    """Wait for a condition, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_client_that_goes_away_cancels_the_work_and_after_still_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        text = api(flows="{request: [{after: {name: a}}]}", endpoint="{slow: {}}")
        async with serving(text, tmp_path, **PLUGINS, slow=Slow) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /api/items/1 HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: "begun" in TRACE)
            writer.close()
            await until(lambda: "after a None" in TRACE)
            assert TRACE == ["begun", "cancelled", "after a None"]
            await until(lambda: served.gateway.snapshot is not None and served.gateway.snapshot.active == 0)

    run(scenario())


@attrs.frozen
class SendTo(Policy):
    """Puts a path in the place of the endpoint's."""

    path: str = "/"
    """The path."""

    def on_request(self, exchange: Exchange) -> None:
        exchange.endpoint_path = self.path


@attrs.frozen
class ShowPath(Endpoint):
    """Answers with the path that it was given."""

    async def send(self, exchange: Exchange) -> Response:
        return Response(200, body=exchange.endpoint_path.encode())


@pytest.mark.parametrize(
    ("written", "sent"), [("/a/../b", b"/b"), ("/a/%2e%2e/b", b"/b"), ("//a", b"/a"), ("/%61", b"/a"), ("/a", b"/a")]
)
def test_a_rewritten_path_is_canonical_again_before_it_is_sent(tmp_path: Path, written: str, sent: bytes) -> None:
    text = api(flows=f"{{request: [{{send: {{path: '{written}'}}}}]}}", endpoint="{show-path: {}}")

    async def scenario() -> None:
        async with serving(text, tmp_path, send=SendTo, show_path=ShowPath) as served:
            assert sent == (await served.get("/api/items/1")).body

    run(scenario())


def test_a_rewritten_path_without_a_canonical_form_is_refused(tmp_path: Path) -> None:
    text = api(flows="{request: [{send: {path: '/a%2fb'}}]}", endpoint="{show-path: {}}")

    async def scenario() -> None:
        async with serving(text, tmp_path, send=SendTo, show_path=ShowPath) as served:
            assert 400 == (await served.get("/api/items/1")).status

    run(scenario())
