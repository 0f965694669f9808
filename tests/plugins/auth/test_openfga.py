"""OpenFGA decides by relations, and no name that a client chooses makes it ask for another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from apim_auth.openfga import OpenFGA
from apim_sdk import Fault, Principal, errors
from apim_sdk.testing import build, make_exchange, run, started
from support.callouts import CallingContext
from support.gateway import run as run_gateway
from support.gateway import serving
from support.openfga import MODEL, STORE, OpenFGAServer, openfga

Ask = Callable[..., Awaitable[Fault | None]]
Test = Callable[[Ask, OpenFGAServer], Awaitable[None]]
ORDER = {"type": "order", "id": "{{ path.id }}"}


def with_openfga(**settings: Any) -> Callable[[Test], Callable[[], None]]:
    """Run a test with an OpenFGA and a policy that asks it."""

    def decorate(test: Test) -> Callable[[], None]:
        def once() -> None:
            async def inside() -> None:
                async with openfga() as server:
                    options = {"url": server.url, "store": STORE, "relation": "reader", "object": ORDER, **settings}
                    policy = build(OpenFGA, options)
                    async with started(policy, CallingContext()):

                        async def ask(subject: str | None = "anna", order: str = "7") -> Fault | None:
                            principal = None if subject is None else Principal(subject)
                            exchange = make_exchange(principal=principal, path_parameters={"id": order})
                            return (await run(policy, exchange)).fault

                        await test(ask, server)

            asyncio.run(inside())

        once.__name__, once.__doc__ = test.__name__, test.__doc__
        return once

    return decorate


@with_openfga()
async def test_who_has_the_relation_is_let_in(ask: Ask, server: OpenFGAServer) -> None:
    server.tuples.add(("user:anna", "reader", "order:7"))
    assert await ask() is None

    for subject, order in (("bert", "7"), ("anna", "8")):
        fault = await ask(subject, order)
        assert fault is not None
        assert (403, "901101") == (fault.status, fault.kind.code)


@with_openfga()
async def test_a_relation_may_come_by_a_group(ask: Ask, server: OpenFGAServer) -> None:
    server.tuples |= {("group:clerks#member", "reader", "order:7"), ("user:anna", "member", "group:clerks")}

    assert await ask() is None
    assert await ask("bert") is not None


@with_openfga()
async def test_nobody_has_no_relations(ask: Ask, server: OpenFGAServer) -> None:
    server.tuples.add(("user:*", "reader", "order:7"))

    assert await ask() is None
    assert await ask(None) is not None


@pytest.mark.parametrize("name", ["*", "anna#member", "group:x", "", "a b", "a\nb", "a" * 257])
def test_a_name_that_means_something_else_to_openfga_is_refused(name: str) -> None:
    @with_openfga()
    async def inside(ask: Ask, server: OpenFGAServer) -> None:
        server.tuples |= {("user:*", "reader", "order:7"), ("user:anna", "reader", "order:*")}
        for subject, order in ((name, "7"), ("anna", name)):
            fault = await ask(subject, order)
            assert fault is not None
            assert errors.AUTHORIZATION_DENIED == fault.kind
        assert [] == server.asked

    inside()


@with_openfga(model=MODEL, consistency="higher-consistency", user={"type": "client", "id": "{{ principal.subject }}!"})
async def test_the_question_is_as_configured(ask: Ask, server: OpenFGAServer) -> None:
    await ask()

    assert [
        {
            "tuple_key": {"user": "client:anna!", "relation": "reader", "object": "order:7"},
            "authorization_model_id": MODEL,
            "consistency": "HIGHER_CONSISTENCY",
        }
    ] == server.asked


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"store": "none"}, "store_id_not_found"),
        ({"model": "none"}, "authorization_model_not_found"),
        ({"relation": "nephew"}, "relation 'order#nephew' not found"),
        ({"token": "wrong"}, "unauthenticated"),
    ],
)
def test_a_question_that_openfga_refuses_is_an_error(settings: dict[str, Any], reason: str) -> None:
    @with_openfga(**settings)
    async def inside(ask: Ask, server: OpenFGAServer) -> None:
        server.token = "right" if "token" in settings else ""
        fault = await ask()
        assert fault is not None
        assert (500, "901102") == (fault.status, fault.kind.code)
        assert reason in (fault.detail or "")
        assert "wrong" not in (fault.detail or "")

    inside()


@with_openfga(cache="1h")
async def test_an_answer_is_remembered_where_that_is_wanted(ask: Ask, server: OpenFGAServer) -> None:
    server.tuples.add(("user:anna", "reader", "order:7"))
    assert [None, None] == [await ask(), await ask()]
    assert await ask("bert") is not None

    assert 2 == len(server.asked)


@pytest.mark.parametrize(
    "changes",
    [
        {"store": "a/b c"},
        {"relation": "reader#x"},
        {"object": {"type": "a:b", "id": "x"}},
        {"url": "openfga:8080"},
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"no name of a type or relation|no URL of a server"):
        build(OpenFGA, {**OpenFGA.example, **changes})


def test_a_gateway_asks_before_the_endpoint_is_called(tmp_path: Path) -> None:
    async def inside() -> None:
        async with openfga() as server:
            server.tuples.add(("application:shop", "reader", "order:7"))
            text = f"""
                egress: {{allow: [127.0.0.0/8]}}
                management: {{enabled: false}}
                apis:
                  - name: orders
                    context: /orders
                    endpoint: {{mock: {{body: hello}}}}
                    plans: [{{name: shop, authentication: {{api-key: {{}}}}}}]
                    operations:
                      - match: "GET /{{id}}"
                        flows:
                          request:
                            - openfga:
                                url: "{server.url}"
                                store: {STORE}
                                user: {{type: application, id: "{{{{ application.name }}}}"}}
                                relation: reader
                                object: {{type: order, id: "{{{{ path.id }}}}"}}
                applications:
                  - name: shop
                    keys: [{{api-key: "the key of the shop"}}]
                    subscriptions: [{{api: orders, plan: shop}}]
            """
            async with serving(text, tmp_path) as gateway:
                paths = ("/orders/7", "/orders/8", "/orders/*", "/orders/%2A", "/orders/7%23x")
                statuses = [(await gateway.get(path, X_API_Key="the key of the shop")).status for path in paths]
        assert [200, 403, 403, 403, 403] == statuses
        assert ["order:7", "order:8"] == [asked["tuple_key"]["object"] for asked in server.asked]

    run_gateway(inside)
