"""Several key managers at once: each vouches for its own tokens and clients, and an API says whom it believes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import attrs
import pytest
from support.gateway import Answer, Served, run, serving
from support.keycloak import KeycloakServer
from support.okta import OktaServer
from support.provider import Provider, provider
from support.stand_in import serving_stand_in
from support.tokens import signed

TEXT = """\
management: {{enabled: false}}
egress: {{allow: [127.0.0.0/8]}}
key_managers:
  main: {{oidc: {{issuer: "{main}"}}}}
  staff: {{keycloak: {{issuer: "{staff}"}}}}
  partners: {{okta: {{issuer: "{partners}"}}}}
apis:
  - name: orders
    context: /orders
    endpoint: {{mock: {{body: hello}}}}
    plans: [{{name: p, authentication: {{jwt: {{}}}}}}]
    operations: [{{match: "* /x", scopes: [orders.read]}}]
  - name: partners-only
    context: /partners
    key_managers: [partners]
    endpoint: {{mock: {{body: hello}}}}
    plans: [{{name: p, authentication: {{jwt: {{}}}}}}]
    operations: [{{match: "* /x"}}]
applications:
  - name: shop
    keys:
      - {{client_id: shop, key_manager: main}}
      - {{client_id: till, key_manager: staff}}
      - {{client_id: broker, key_manager: partners}}
    subscriptions: [{{api: orders, plan: p}}, {{api: partners-only, plan: p}}]
"""


@attrs.frozen
class World:
    """A gateway, and the servers that it trusts."""

    gateway: Served
    main: Provider
    staff: KeycloakServer
    partners: OktaServer

    async def get(self, token: str, path: str = "/orders/x") -> Answer:
        return await self.gateway.get(path, Authorization=f"Bearer {token}")


@pytest.fixture(scope="module")
def main() -> Iterator[Provider]:
    with provider() as server:
        yield server


@contextlib.asynccontextmanager
async def world(main: Provider, folder: Path) -> AsyncIterator[World]:
    async with serving_stand_in(KeycloakServer()) as staff, serving_stand_in(OktaServer()) as partners:
        text = TEXT.format(main=main.issuer, staff=staff.issuer, partners=partners.issuer)
        async with serving(text, folder) as gateway:
            yield World(gateway, main, staff, partners)


def in_a_world(main: Provider, folder: Path, scenario: Callable[[World], Awaitable[None]]) -> None:
    async def once() -> None:
        async with world(main, folder) as found:
            await scenario(found)

    run(once())


def test_the_tokens_of_each_come_in_by_its_own_claims(main: Provider, tmp_path: Path) -> None:
    async def scenario(found: World) -> None:
        assert 200 == (await found.get(main.token("shop", "orders.read"))).status
        assert 200 == (await found.get(found.staff.issue("till", "orders.read"))).status
        assert 200 == (await found.get(found.partners.issue("broker", "orders.read"))).status

    in_a_world(main, tmp_path, scenario)


def test_a_client_of_one_is_nobody_at_another(main: Provider, tmp_path: Path) -> None:
    """Who may choose a name at one server must not get what another's client of that name has."""

    async def scenario(found: World) -> None:
        for token in (found.staff.issue("shop"), found.partners.issue("till"), found.staff.issue("broker")):
            answer = await found.get(token)
            assert (403, "900908") == (answer.status, str(answer.json["code"]))

    in_a_world(main, tmp_path, scenario)


def test_a_token_that_one_has_signed_in_the_name_of_another_is_refused(main: Provider, tmp_path: Path) -> None:
    async def scenario(found: World) -> None:
        forged = found.staff.issue("shop", iss=main.issuer, azp="shop", aud="orders")
        for token in (forged, found.staff.issue("till", iss="https://nobody.example")):
            answer = await found.get(token)
            assert (401, "900901") == (answer.status, str(answer.json["code"]))

    in_a_world(main, tmp_path, scenario)


def test_an_id_token_of_keycloak_is_no_access_token(main: Provider, tmp_path: Path) -> None:
    async def scenario(found: World) -> None:
        assert 401 == (await found.get(found.staff.issue("till", typ="ID"))).status

    in_a_world(main, tmp_path, scenario)


def test_an_api_believes_only_those_that_it_names(main: Provider, tmp_path: Path) -> None:
    async def scenario(found: World) -> None:
        assert 200 == (await found.get(found.partners.issue("broker"), "/partners/x")).status
        for token in (main.token("shop"), found.staff.issue("till")):
            answer = await found.get(token, "/partners/x")
            assert (401, "900901") == (answer.status, str(answer.json["code"]))

    in_a_world(main, tmp_path, scenario)


def test_one_that_is_away_keeps_nobody_else_out(main: Provider, tmp_path: Path) -> None:
    async def scenario(found: World) -> None:
        known = main.token("shop")
        assert 200 == (await found.get(known)).status
        with main.away():
            assert 200 == (await found.get(known)).status
            assert 200 == (await found.get(found.staff.issue("till"))).status

    in_a_world(main, tmp_path, scenario)


def test_a_flood_of_made_up_key_ids_makes_the_gateway_ask_a_few_times_only(main: Provider, tmp_path: Path) -> None:
    content = {"iss": main.issuer, "sub": "shop", "azp": "shop", "exp": 1_900_000_000}
    made_up = [signed(content, {"kid": f"made-up-{number}"}) for number in range(300)]

    async def scenario(found: World) -> None:
        good = main.token("shop")
        assert 200 == (await found.get(good)).status
        before = main.count("/jwks")
        assert {401} == {answer.status for answer in await asyncio.gather(*map(found.get, made_up))}
        assert 200 == (await found.get(main.token("shop"))).status
        assert 1 <= main.count("/jwks") - before <= 6

    in_a_world(main, tmp_path, scenario)


def test_of_one_that_is_away_at_the_start_nothing_can_be_said(main: Provider, tmp_path: Path) -> None:
    async def scenario(found: World) -> None:
        tokens = {200: found.staff.issue("till"), 503: main.token("shop")}
        text = TEXT.format(main=main.issuer, staff=found.staff.issuer, partners=found.partners.issuer)
        with main.away():
            async with serving(text.replace("main: {oidc: {", "main: {oidc: {refresh: 9m, "), tmp_path) as gateway:
                for status, token in tokens.items():
                    assert status == (await gateway.get("/orders/x", Authorization=f"Bearer {token}")).status

    in_a_world(main, tmp_path, scenario)
