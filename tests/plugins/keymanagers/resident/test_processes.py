"""Several processes with one store: what happens at one holds at the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from apim_sdk.testing import FakeClock, FakeContext, FakeStore
from support.resident import VERIFIER, Browser, Resided, request, residing

REDIRECT = "https://shop.example/back"


@contextlib.asynccontextmanager
async def two() -> AsyncIterator[tuple[Resided, Resided]]:
    clock = FakeClock()
    store = FakeStore(clock.now)
    async with (
        residing(store, FakeContext(clock=clock)) as one,
        residing(store, FakeContext(clock=clock)) as other,
    ):
        yield one, other


def test_a_token_of_one_is_good_at_the_other_until_it_is_revoked_at_either() -> None:
    async def check() -> None:
        async with two() as (one, other):
            token = (await one.token(grant_type="client_credentials")).json["access_token"]
            assert (await other.introspect(token))["active"]
            await other.form("/revoke", client_id="shop", client_secret="the secret of the shop", token=token)
            assert {"active": False} == await one.introspect(token)

    asyncio.run(check())


def test_a_login_at_one_is_known_at_the_other_and_its_code_is_good_at_both_once() -> None:
    async def check() -> None:
        async with two() as (one, other):
            browser = Browser(one)
            await browser.log_in(request(scope="orders.read"))
            browser.server = other
            page = await browser.get(request(scope="orders.read"))
            back = await browser.send(request(scope="orders.read"), page, decision="allow")
            fields = {
                "grant_type": "authorization_code",
                "code": back.answered["code"],
                "redirect_uri": REDIRECT,
                "code_verifier": VERIFIER,
            }
            answers = await asyncio.gather(one.token(**fields), other.token(**fields))
            assert 1 >= sum(answer.status == 200 for answer in answers)
            for answer in answers:
                if answer.status == 200:
                    assert {"active": False} == await one.introspect(answer.json["access_token"])

    asyncio.run(check())


def test_a_client_that_is_changed_at_one_gets_tokens_of_the_other_as_it_is_now_within_a_second() -> None:
    async def check() -> None:
        from apim_sdk import ClientRegistration

        async with two() as (one, other):
            client = await one.manager.register(ClientRegistration("App", properties={"audience": ["before"]}))
            secret = client.client_secret
            assert secret is not None

            async def ask(secret: str) -> Any:
                return (await other.token(client.client_id, secret, grant_type="client_credentials")).json

            first = await other.introspect((await ask(secret.reveal()))["access_token"])
            await one.manager.update(client, ClientRegistration("App", properties={"audience": ["after"]}))
            other.context.clock.advance(1)
            second = await other.introspect((await ask(secret.reveal()))["access_token"])
            assert ("before", "after") == (first["aud"], second["aud"])

            renewed = await one.manager.renew_secret(client)
            assert renewed.client_secret is not None
            other.context.clock.advance(1)
            assert "invalid_client" == (await ask(secret.reveal()))["error"]
            assert "access_token" in await ask(renewed.client_secret.reveal())

    asyncio.run(check())


def test_a_client_that_is_removed_at_one_is_gone_at_the_other_within_a_second() -> None:
    async def check() -> None:
        from apim_sdk import ClientRegistration

        async with two() as (one, other):
            client = await one.manager.register(ClientRegistration("App"))
            await other.manager.token({"grant_type": "client_credentials"}, client)
            await one.manager.delete(client)
            other.context.clock.advance(1)
            secret = client.client_secret
            assert secret is not None
            answer = await other.token(client.client_id, secret.reveal(), grant_type="client_credentials")
            assert "invalid_client" == answer.json["error"]

    asyncio.run(check())
