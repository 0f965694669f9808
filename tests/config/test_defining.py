"""Operations of definitions, joined with those that a configuration lists itself."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from apim_core.config import Configuration, load
from apim_core.config.model import Match

Write = Callable[..., Path]
Messages = Callable[..., list[str]]


def test_a_definition_brings_operations_and_the_listed_ones_win(design: Configuration) -> None:
    operations = {
        str(each.match): (each.name, each.scopes, len(each.flows.request)) for each in design.apis[0].operations
    }

    assert {
        "GET /orders": ("listOrders", (), 0),
        "POST /orders": ("createOrder", ("orders.write",), 0),
        "GET /orders/{id}": ("readOrder", ("orders.read",), 1),
        "DELETE /orders/{order}": ("deleteOrder", ("orders.write",), 0),
    } == operations


def test_an_operation_that_names_no_scopes_keeps_those_of_its_definition(
    tmp_path: Path, write: Write, shown: str, definition: str
) -> None:
    path = write(gateway=shown.replace("scopes: [orders.read]", "name: mine"))
    (tmp_path / "orders.openapi.yaml").write_text(dedent(definition))
    (api,) = load(path, {"SHOP_KEY": ""}).apis

    assert ("mine", ("orders.own",)) == (api.operations[2].name, api.operations[2].scopes)


def test_a_listed_operation_of_any_method_stands_beside_those_of_the_definition(
    tmp_path: Path, write: Write, shown: str, definition: str
) -> None:
    path = write(gateway=shown.replace("match: GET /orders/{id}", "match: '* /orders/{id}'"))
    (tmp_path / "orders.openapi.yaml").write_text(dedent(definition))
    (api,) = load(path, {"SHOP_KEY": ""}).apis

    assert Match("*", "/orders/{id}") == api.operations[-1].match
    assert 5 == len(api.operations)


def test_one_definition_may_serve_several_apis(write: Write, messages: Messages) -> None:
    path = write(
        gateway="apis:\n- {name: a, context: /a, definition: d.yaml}\n- {name: b, context: /b, definition: d.yaml}",
        d="openapi: 3.0.0\npaths: {orders: {}}",
    )

    assert ["d.yaml:2: the path 'orders' does not begin with '/'"] == messages(path)
