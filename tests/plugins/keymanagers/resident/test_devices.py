"""The device grant: a code on one device, a decision on another (RFC 8628)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from apim_sdk import Secret
from support.resident import ISSUER, Browser, Resided, SlowStore, residing

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
TV = {"grant_types": [DEVICE, "refresh_token"], "name": "The television"}


def with_tv() -> Any:
    return residing(clients={"tv": TV})


async def begin(server: Resided, **parameters: str) -> dict[str, Any]:
    answer = await server.form("/device_authorization", client_id="tv", scope="orders.read", **parameters)
    assert 200 == answer.status, answer.text
    return answer.json


async def ask(server: Resided, begun: dict[str, Any]) -> Any:
    return await server.token("tv", None, grant_type=DEVICE, device_code=begun["device_code"])


async def decide(server: Resided, user_code: str, decision: str) -> Any:
    browser = Browser(server)
    await browser.log_in("/device")
    entered = await browser.send("/device", await browser.get("/device"), user_code=user_code)
    assert "The television" in entered.text
    return await browser.send("/device", entered, decision=decision)


def test_a_device_gets_tokens_once_its_user_has_allowed_it() -> None:
    async def check() -> None:
        async with with_tv() as server:
            begun = await begin(server)
            assert re.fullmatch("[B-Z]{4}-[B-Z]{4}", begun["user_code"])
            assert (f"{ISSUER}/device", 600, 5) == (begun["verification_uri"], begun["expires_in"], begun["interval"])
            assert "authorization_pending" == (await ask(server, begun)).json["error"]
            done = await decide(server, begun["user_code"].lower().replace("-", " "), "allow")
            assert "Done" in done.text
            answer = await ask(server, begun)
            claims = await server.introspect(answer.json["access_token"])
            assert (200, "ann", "orders.read") == (answer.status, claims["sub"], claims["scope"])
            assert "refresh_token" in answer.json
            assert 400 == (await ask(server, begun)).status

    asyncio.run(check())


def test_a_device_that_its_user_refuses_is_told_so() -> None:
    async def check() -> None:
        async with with_tv() as server:
            begun = await begin(server)
            await decide(server, begun["user_code"], "deny")
            assert "access_denied" == (await ask(server, begun)).json["error"]

    asyncio.run(check())


def test_a_device_code_expires() -> None:
    async def check() -> None:
        async with with_tv() as server:
            begun = await begin(server)
            server.context.clock.advance(601)
            assert "expired_token" == (await ask(server, begun)).json["error"]

    asyncio.run(check())


def test_a_device_that_asks_too_often_has_to_slow_down() -> None:
    async def check() -> None:
        async with with_tv() as server:
            begun = await begin(server)
            errors = []
            for seconds in (0, 1, 9, 10, 15):
                server.context.clock.advance(seconds)
                errors.append((await ask(server, begun)).json["error"])
            assert ["authorization_pending", *["slow_down"] * 4] == errors
            server.context.clock.advance(120)
            assert "authorization_pending" == (await ask(server, begun)).json["error"]

    asyncio.run(check())


def test_a_device_code_is_for_its_client() -> None:
    async def check() -> None:
        async with residing(clients={"tv": TV, "radio": {"grant_types": [DEVICE]}}) as server:
            begun = await begin(server)
            answer = await server.token("radio", None, grant_type=DEVICE, device_code=begun["device_code"])
            assert "invalid_grant" == answer.json["error"]

    asyncio.run(check())


def test_a_client_without_the_grant_gets_no_device_code() -> None:
    async def check() -> None:
        async with with_tv() as server:
            answer = await server.form(
                "/device_authorization", client_id="shop", client_secret="the secret of the shop"
            )
            assert (400, "unauthorized_client") == (answer.status, answer.json["error"])

    asyncio.run(check())


@pytest.mark.parametrize("code", ["", "BBBB-BBBB", "<script>alert(1)</script>", "x" * 100])
def test_a_wrong_code_is_asked_for_again(code: str) -> None:
    async def check() -> None:
        async with with_tv() as server:
            browser = Browser(server)
            await browser.log_in("/device")
            page = await browser.send("/device", await browser.get("/device"), user_code=code)
            assert "The code is wrong" in page.text
            assert "<script>" not in page.text

    asyncio.run(check())


def test_codes_cannot_be_guessed_for_long() -> None:
    async def check() -> None:
        async with with_tv() as server:
            browser = Browser(server)
            await browser.log_in("/device")
            page = await browser.get("/device")
            statuses = [(await browser.send("/device", page, user_code="BBBB-BBBB")).status for _ in range(12)]
            assert [200] * 10 + [429] * 2 == statuses

    asyncio.run(check())


def test_the_code_may_come_with_the_address_and_is_still_confirmed() -> None:
    async def check() -> None:
        async with with_tv() as server:
            begun = await begin(server)
            target = begun["verification_uri_complete"].removeprefix(ISSUER)
            browser = Browser(server)
            await browser.log_in(target)
            page = await browser.get(target)
            assert f'value="{begun["user_code"]}"' in page.text
            assert "authorization_pending" == (await ask(server, begun)).json["error"]

    asyncio.run(check())


def test_a_decision_is_about_the_code_that_was_entered() -> None:
    async def check() -> None:
        async with with_tv() as server:
            own, other = await begin(server), await begin(server)
            browser = Browser(server)
            await browser.log_in("/device")
            entered = await browser.send("/device", await browser.get("/device"), user_code=own["user_code"])
            guessed = await browser.send("/device", entered, user_code=other["user_code"], decision="allow")
            assert 403 == guessed.status
            assert "authorization_pending" == (await ask(server, other)).json["error"]
            assert "Done" in (await browser.send("/device", entered, decision="allow")).text

    asyncio.run(check())


def test_codes_cannot_be_guessed_all_at_once() -> None:
    async def check() -> None:
        async with residing(SlowStore(), clients={"tv": TV}) as server:
            browser = Browser(server)
            await browser.log_in("/device")
            page = await browser.get("/device")
            tries = [browser.send("/device", page, user_code="BBBB-BBBB") for _ in range(50)]
            statuses = [answer.status for answer in await asyncio.gather(*tries)]
            assert 10 == statuses.count(200)

    asyncio.run(check())


def test_a_decision_from_before_a_new_password_is_void() -> None:
    async def check() -> None:
        async with with_tv() as server:
            await server.manager.put_user("eve", Secret("swordfish"))
            begun = await begin(server)
            browser = Browser(server)
            server.context.clock.advance(10)
            await browser.log_in("/device", "eve")
            entered = await browser.send("/device", await browser.get("/device"), user_code=begun["user_code"])
            assert "Done" in (await browser.send("/device", entered, decision="allow")).text
            server.context.clock.advance(10)
            await server.manager.put_user("eve", Secret("another one"))
            assert (400, "invalid_grant") == ((answer := await ask(server, begun)).status, answer.json["error"])

    asyncio.run(check())
