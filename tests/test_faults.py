"""What clients see of a fault: the built-in body, or the template that an operator put in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apim_sdk import Fault, Reject, Template, errors
from apim_sdk.testing import make_exchange
from support.gateway import Answer, api, run, serving

from apim_core.faults import FaultTemplate, render, response_of


def template(status: int | None = None, body: str | None = None, **headers: str) -> FaultTemplate:
    fields = tuple((name.replace("_", "-"), Template(value)) for name, value in headers.items())
    return FaultTemplate(status, fields, None if body is None else Template(body), "text/plain")


def rendered(fault: Fault, *levels: dict[str, FaultTemplate]) -> tuple[int, bytes | None]:
    exchange = make_exchange("GET /orders")
    exchange.fault = fault
    response = render(fault, exchange, levels)
    return response.status, response.body.data


# The built-in answer


def test_the_body_says_code_message_and_description() -> None:
    response = response_of(Fault(errors.NOT_SUBSCRIBED))
    assert 403 == response.status
    assert "application/json; charset=UTF-8" == response.headers["Content-Type"]
    assert (
        b'{"code": "900908", "message": "Resource forbidden", '
        b'"description": "The application is not subscribed to this API by this plan"}'
    ) == response.body.data


def test_a_code_that_is_the_status_is_a_status_report() -> None:
    assert (
        b'{"code": "405", "type": "Status report", "message": "Method Not Allowed", '
        b'"description": "Method not allowed for given API resource"}'
    ) == response_of(Fault(errors.METHOD_NOT_ALLOWED)).body.data


def test_an_error_without_a_description_has_none_in_its_body() -> None:
    assert (
        b'{"code": "900800", "message": "Message throttled out"}'
        == response_of(Fault(errors.API_LIMIT_EXCEEDED)).body.data
    )


def test_fields_and_headers_of_a_fault_are_in_its_answer() -> None:
    fault = Reject(errors.DENIED, "no", headers={"Retry-After": "5"}, fields={"nextAccessTime": 5})
    response = response_of(fault)
    assert "5" == response.headers["Retry-After"]
    assert b'"nextAccessTime": 5' in (response.body.data or b"")


def test_what_is_for_the_operator_is_not_in_the_answer() -> None:
    assert b"passwd" not in (response_of(Fault(errors.POLICY_FAILURE, detail="/etc/passwd")).body.data or b"")


@pytest.mark.parametrize("kind", errors.catalogue(), ids=lambda kind: f"{kind.key}-{kind.code}")
def test_every_kind_of_error_has_an_error_status_and_a_code(kind: Any) -> None:
    assert 400 <= kind.status <= 599
    assert kind.code.isdigit()
    assert kind.message


# Templates


def test_a_template_of_the_error_s_key_replaces_the_body() -> None:
    assert (404, b"gone: /orders") == rendered(
        Fault(errors.NOT_FOUND), {"NOT_FOUND": template(body="gone: {{ request.path }}")}
    )


def test_a_template_may_be_named_by_the_code_of_the_error() -> None:
    assert (200, b"x") == rendered(Fault(errors.NOT_SUBSCRIBED), {"900908": template(200, "x")})


def test_the_default_template_takes_what_no_other_takes() -> None:
    templates = {"NOT_FOUND": template(body="a"), "DEFAULT": template(body="b")}
    assert [(404, b"a"), (405, b"b")] == [
        rendered(Fault(kind), templates) for kind in (errors.NOT_FOUND, errors.METHOD_NOT_ALLOWED)
    ]


def test_the_first_level_that_has_a_template_decides() -> None:
    assert (404, b"api") == rendered(
        Fault(errors.NOT_FOUND), {"DEFAULT": template(body="api")}, {"NOT_FOUND": template(body="gateway")}
    )


def test_a_level_without_a_template_for_the_error_leaves_it_to_the_next() -> None:
    assert (404, b"gateway") == rendered(
        Fault(errors.NOT_FOUND), {"DENIED": template(body="api")}, {"NOT_FOUND": template(body="gateway")}
    )


def test_a_template_without_a_body_keeps_the_built_in_one() -> None:
    status, body = rendered(Fault(errors.NOT_FOUND), {"NOT_FOUND": template(410)})
    assert 410 == status
    assert body == response_of(Fault(errors.NOT_FOUND)).body.data


def test_an_error_in_a_template_leaves_the_built_in_answer_and_tells_the_operator() -> None:
    fault = Fault(errors.NOT_FOUND, detail="why")
    status, body = rendered(fault, {"NOT_FOUND": template(200, "{{ 1 / (size(request.path) - 7) }}")})
    assert (404, response_of(Fault(errors.NOT_FOUND)).body.data) == (status, body)
    assert "why [response template: " in (fault.detail or "")


def test_a_template_s_header_that_would_split_the_answer_leaves_the_built_in_one() -> None:
    fault = Fault(errors.NOT_FOUND)
    exchange = make_exchange("GET /orders")
    exchange.fault = fault
    exchange.variables["name"] = "a\r\nSet-Cookie: b=c"
    response = render(fault, exchange, ({"NOT_FOUND": template(200, "x", X_Name="{{ variables.name }}")},))
    assert 404 == response.status
    assert "X-Name" not in response.headers
    assert "[response template: " in (fault.detail or "")


def test_what_a_client_sends_cannot_split_the_answer_to_a_fault(tmp_path: Path) -> None:
    rest = "response_templates: {DEFAULT: {headers: {X-Page: \"{{ request.query['page'] }}\"}, body: no}}\n"

    async def scenario() -> list[Answer]:
        async with serving(api(rest=rest), tmp_path) as served:
            return [await served.get(f"/elsewhere?page={page}") for page in ("7", "7%0D%0ASet-Cookie:%20a=b")]

    plain, attack = run(scenario())
    assert (404, "7", b"no") == (plain.status, plain.headers["X-Page"], plain.body)
    assert (404, "404") == (attack.status, attack.json["code"])
    assert {"Set-Cookie", "X-Page"}.isdisjoint(attack.headers)


# The place of a template


def test_the_templates_of_an_api_go_before_those_of_the_gateway(tmp_path: Path) -> None:
    text = """
        management: {enabled: false}
        response_templates: {MISSING_CREDENTIALS: {body: gateway, content_type: text/plain}}
        apis:
          - name: own
            context: /own
            endpoint: {mock: {}}
            plans: [{name: keys, authentication: {api-key: {}}}]
            operations: [{match: GET /}]
            response_templates: {"900902": {status: 403, body: own, content_type: text/plain}}
          - name: none
            context: /none
            endpoint: {mock: {}}
            plans: [{name: keys, authentication: {api-key: {}}}]
            operations: [{match: GET /}]
    """

    async def scenario() -> list[tuple[int, bytes]]:
        async with serving(text, tmp_path) as served:
            answers = [await served.get(path) for path in ("/own/", "/none/")]
            return [(answer.status, answer.body) for answer in answers]

    assert [(403, b"own"), (401, b"gateway")] == run(scenario())
