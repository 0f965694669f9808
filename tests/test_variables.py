"""What an expression sees of an exchange; what is not known (yet) is null, never an error of the gateway."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from apim_sdk import (
    API,
    Application,
    Client,
    Exchange,
    Expression,
    Fault,
    Headers,
    Operation,
    Principal,
    Request,
    Subscription,
    Template,
    errors,
)
from apim_sdk.testing import make_exchange, make_response

from apim_core.expressions import Record
from apim_core.message_variables import message_environment
from apim_core.variables import environment

ORDER = make_exchange(
    "POST /orders/1.0/orders/5?page=2&page=3&empty=&sp=a%20b",
    headers=[("Host", "api.example"), ("X-Tier", "gold"), ("X-Tier", "silver"), ("Cookie", "a=b; c=d")],
    body=b'{"copies": 2}',
    scheme="https",
    client="203.0.113.7",
    api=API("orders", "1.0", "/orders/1.0"),
    operation=Operation("POST", "/orders/{id}", "changeOrder"),
    path_parameters={"id": "5"},
    plan="gold",
    principal=Principal("anna", frozenset({"write", "read"}), {"tenant": "t", "roles": ["a"]}, "shop-web", None, "idp"),
    application=Application("shop", "app-1", owner="bert", attributes={"tier": "gold"}),
    subscription=Subscription("orders", "gold", "sub-1"),
    variables={"seen": [1, 2]},
    response=make_response(201, {"X-Kind": "new"}, b"made"),
    fault=Fault(errors.DENIED, "not you"),
)

BARE = make_exchange("GET /")


def value(source: str, exchange: Exchange = ORDER) -> Any:
    return Expression(source).evaluate(exchange)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("request.method", "POST"),
        ("request.path", "/orders/1.0/orders/5"),
        ("request.query_string", "page=2&page=3&empty=&sp=a%20b"),
        ("request.host", "api.example"),
        ("request.scheme", "https"),
        ("request.headers['x-tier']", "gold"),
        ("request.headers['X-TIER']", "gold"),
        ("request.query['page']", "2"),
        ("request.query['sp']", "a b"),
        ("request.query.page", "2"),
        ("request.cookies['c']", "d"),
        ("request.body", '{"copies": 2}'),
        ("request.content_length", 13),
        ("response.status", 201),
        ("response.headers['x-kind']", "new"),
        ("response.body", "made"),
        ("client.address", "203.0.113.7"),
        ("client.peer", "203.0.113.7"),
        ("client.port", 0),
        ("path.id", "5"),
        ("path['id']", "5"),
        ("api.name + ' ' + api.version + ' ' + api.context", "orders 1.0 /orders/1.0"),
        ("operation.method + ' ' + operation.template", "POST /orders/{id}"),
        ("operation.id", "changeOrder"),
        ("plan.name", "gold"),
        ("application.name + ' ' + application.id", "shop app-1"),
        ("application.owner", "bert"),
        ("application.attributes['tier']", "gold"),
        ("subscription.id + ' ' + subscription.plan", "sub-1 gold"),
        ("principal.subject + ' ' + principal.client_id + ' ' + principal.issuer", "anna shop-web idp"),
        ("principal.scopes", ["read", "write"]),
        ("'write' in principal.scopes", True),
        ("claims.tenant", "t"),
        ("claims['roles'][0]", "a"),
        ("variables.seen[1]", 2),
        ("fault.key + ' ' + fault.code", "DENIED 900805"),
        ("fault.message + ': ' + fault.description", "Message blocked: not you"),
        ("fault.status", 403),
    ],
)  # fmt: skip
def test_each_variable_is_the_part_of_the_exchange_that_it_is_named_after(source: str, expected: Any) -> None:
    assert expected == value(source)


@pytest.mark.parametrize(
    "source",
    [
        "response.status",
        "response.body",
        "plan.name",
        "operation.id",
        "application.name",
        "application.attributes",
        "subscription.id",
        "principal.subject",
        "fault.key",
        "fault.status",
    ],
)
def test_what_is_not_known_is_null(source: str) -> None:
    assert value(source, BARE) is None


def test_even_an_exchange_that_matched_no_api_can_be_asked() -> None:
    exchange = Exchange(Request("GET", "/", "", Headers(), host="a"), Client(ip_address("::1")))
    assert [None, None, "::1"] == [value(name, exchange) for name in ("api.name", "operation.method", "client.address")]


def test_nobody_has_no_scopes_and_no_claims() -> None:
    assert ([], 0) == (value("principal.scopes", BARE), value("size(claims)", BARE))


@pytest.mark.parametrize(
    "source",
    [
        "request.headers['x-none']",
        "request.query['none']",
        "request.cookies['none']",
        "path['none']",
        "claims['none']",
        "variables['none']",
        "response.headers['none']",
    ],
)
def test_a_key_that_is_not_there_is_null(source: str) -> None:
    assert value(source) is None
    assert value(f"has({source.partition('[')[0]}.none)") is False


@pytest.mark.parametrize("part", ["request.headers", "request.query", "request.cookies", "path", "claims", "variables"])
def test_whether_a_key_is_there_can_be_asked(part: str) -> None:
    assert value(f"'none' in {part}") is False


@pytest.mark.parametrize("name", ["", "a b", "é", "a:b", "\\n"])
def test_what_is_no_header_name_is_no_error_of_the_gateway(name: str) -> None:
    assert value(f"'{name}' in request.headers") is False
    assert value(f"'{name}' in response.headers") is False


def test_headers_as_a_whole_map_names_in_lower_case_to_their_first_values() -> None:
    assert {"host": "api.example", "x-tier": "gold", "cookie": "a=b; c=d"} == dict(value("request.headers"))


def test_a_query_as_a_whole_maps_names_to_their_first_values() -> None:
    assert {"page": "2", "empty": "", "sp": "a b"} == dict(value("request.query"))


def test_a_body_that_is_not_utf_8_is_text_all_the_same() -> None:
    assert "a\ufffd" == value("request.body", make_exchange("POST /", body=b"a\xff"))


def test_now_is_the_time_with_its_zone() -> None:
    found = value("now")
    assert UTC == found.tzinfo
    assert abs((datetime.now(UTC) - found).total_seconds()) < 60


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("request.body == 'a'", True),
        ("response.body == 'a'", True),
        ("request.method == 'a' && request.body.contains('b')", True),
        ("request.content_length == 3", False),
        ("'request.body' == request.path", False),
    ],
)
def test_an_expression_knows_whether_it_reads_a_body(source: str, reads: bool) -> None:
    assert reads == Expression(source).reads_body
    assert reads == Template(f"x {{{{ {source} }}}}").reads_body


@pytest.mark.parametrize("source", ["exchange", "request._body", "request.raw", "principal.__class__", "os", "self"])
def test_there_is_no_name_beside_these(source: str) -> None:
    with pytest.raises(ValueError, match=source.rpartition(".")[2]):
        Expression(source)


def listed() -> dict[str, set[str]]:
    """Fields by variable, as the table of the guide lists them; ``.field`` belongs to the variable before it."""
    guide = (Path(__file__).parents[1] / "docs" / "guide" / "expressions.md").read_text()
    table = guide.partition("| variable | holds |")[2].partition("\n\n")[0]
    found: dict[str, set[str]] = {}
    variable = ""
    for first, field in re.findall(r"`([a-z_]*)\.?([a-z_]*)", "".join(re.findall(r"^\|.*?\|", table, re.MULTILINE))):
        variable = first or variable
        found.setdefault(variable, set()).add(field)
    return found


def test_the_guide_lists_every_variable() -> None:
    assert set(message_environment().variables) == set(listed())
    assert set(environment().variables) == set(listed()) - {"message"}


@pytest.mark.parametrize("name", ["request", "response", "client", "principal", "fault", "message"])
def test_the_guide_lists_every_field(name: str) -> None:
    variable = message_environment().variables[name]
    assert isinstance(variable, Record)
    assert set(variable.fields) == listed()[name] - {""}
