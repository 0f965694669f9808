"""Refresh tokens: rotation, and what a reuse ends (RFC 6749, 6; RFC 9700, 4.14)."""

from __future__ import annotations

import asyncio
from typing import Any

from support.resident import VERIFIER, Resided, SlowStore, residing

REDIRECT = "https://shop.example/back"
NOW = 1_700_000_000.0


async def tokens(server: Resided, scope: str = "orders.read orders.write", **parameters: Any) -> dict[str, str]:
    code = await server.code(scope=scope)
    answer = await server.token(
        grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier=VERIFIER, **parameters
    )
    assert 200 == answer.status, answer.text
    return answer.json


async def refresh(server: Resided, refresh_token: str, **parameters: Any) -> Any:
    return await server.token(grant_type="refresh_token", refresh_token=refresh_token, **parameters)


def test_a_refresh_gives_a_new_access_token_and_a_new_refresh_token() -> None:
    async def check() -> None:
        async with residing() as server:
            first = await tokens(server)
            second = (await refresh(server, first["refresh_token"])).json
            assert first["refresh_token"] != second["refresh_token"]
            assert "ann" == (await server.introspect(second["access_token"]))["sub"]
            assert 200 == (await refresh(server, second["refresh_token"])).status

    asyncio.run(check())


def test_an_old_refresh_token_ends_all_that_came_of_the_same_consent() -> None:
    async def check() -> None:
        async with residing() as server:
            first = await tokens(server)
            second = (await refresh(server, first["refresh_token"])).json
            assert (400, "invalid_grant") == (lambda r: (r.status, r.json["error"]))(
                await refresh(server, first["refresh_token"])
            )
            assert 400 == (await refresh(server, second["refresh_token"])).status
            for token in (first["access_token"], second["access_token"]):
                assert {"active": False} == await server.introspect(token)

    asyncio.run(check())


def test_of_many_refreshes_at_the_same_moment_at_most_one_succeeds_and_the_family_ends() -> None:
    async def check() -> None:
        async with residing(SlowStore(lambda: NOW)) as server:
            first = await tokens(server)
            answers = await asyncio.gather(*(refresh(server, first["refresh_token"]) for _ in range(10)))
            good = [answer.json for answer in answers if answer.status == 200]
            assert 1 >= len(good)
            for answer in good:
                assert 400 == (await refresh(server, answer["refresh_token"])).status
                assert {"active": False} == await server.introspect(answer["access_token"])

    asyncio.run(check())


def test_a_refresh_token_is_of_its_client_only() -> None:
    async def check() -> None:
        other = {"secret": "other secret", "grant_types": ["refresh_token"]}
        async with residing(clients={"other": other}) as server:
            first = await tokens(server)
            stolen = await refresh(server, first["refresh_token"], client_id="other", client_secret="other secret")
            assert "invalid_grant" == stolen.json["error"]
            assert 200 == (await refresh(server, first["refresh_token"])).status

    asyncio.run(check())


def test_a_guess_of_a_refresh_token_ends_nothing_unless_its_family_is_known() -> None:
    async def check() -> None:
        async with residing() as server:
            first = await tokens(server)
            for guess in ("", ".", "x", "x.y", f"x.{first['refresh_token'].partition('.')[2]}", "a" * 1000 + ".b"):
                assert 400 == (await refresh(server, guess)).status
            assert 200 == (await refresh(server, first["refresh_token"])).status

    asyncio.run(check())


def test_a_refresh_may_ask_for_fewer_scopes_and_not_for_more() -> None:
    async def check() -> None:
        async with residing() as server:
            first = await tokens(server, "orders.read")
            more = await refresh(server, first["refresh_token"], scope="orders.read orders.write")
            assert "invalid_scope" == more.json["error"]
            fewer = (await refresh(server, first["refresh_token"], scope="orders.read")).json
            assert "orders.read" == fewer["scope"]

    asyncio.run(check())


def test_a_refresh_token_that_is_not_used_expires() -> None:
    async def check() -> None:
        async with residing(lifetimes={"refresh_token": "1h"}) as server:
            first = await tokens(server)
            server.context.clock.advance(3000)
            second = (await refresh(server, first["refresh_token"])).json
            server.context.clock.advance(3000)
            third = (await refresh(server, second["refresh_token"])).json
            server.context.clock.advance(3601)
            assert 400 == (await refresh(server, third["refresh_token"])).status

    asyncio.run(check())


def test_a_user_who_is_gone_refreshes_nothing() -> None:
    async def check() -> None:
        async with residing() as server:
            await server.manager.server.users.put("bob", "swordfish")
            from support.resident import Browser, request

            browser = Browser(server)
            await browser.log_in(request(), "bob")
            back = await browser.send(request(), await browser.get(request()), decision="allow")
            answer = await server.token(
                grant_type="authorization_code",
                code=back.answered["code"],
                redirect_uri=REDIRECT,
                code_verifier=VERIFIER,
            )
            await server.manager.server.users.remove("bob")
            assert 400 == (await refresh(server, answer.json["refresh_token"])).status

    asyncio.run(check())


def test_a_revoked_refresh_token_takes_the_access_tokens_with_it() -> None:
    async def check() -> None:
        async with residing() as server:
            first = await tokens(server)
            secret = {"client_id": "shop", "client_secret": "the secret of the shop"}
            revoked = await server.form("/revoke", token=first["refresh_token"], **secret)
            assert 200 == revoked.status
            assert {"active": False} == await server.introspect(first["access_token"])
            assert 400 == (await refresh(server, first["refresh_token"])).status

    asyncio.run(check())


def test_no_more_than_twenty_access_tokens_of_a_family_are_good_at_once() -> None:
    async def check() -> None:
        async with residing() as server:
            held = [await tokens(server)]
            for _ in range(21):
                held.append((await refresh(server, held[-1]["refresh_token"])).json)
            active = [(await server.introspect(each["access_token"]))["active"] for each in held]
            assert [False] * 2 + [True] * 20 == active

    asyncio.run(check())


def test_a_client_without_the_grant_gets_no_refresh_token() -> None:
    async def check() -> None:
        async with residing(shop={"grant_types": ["authorization_code"]}) as server:
            assert "refresh_token" not in await tokens(server)

    asyncio.run(check())


def test_the_store_holds_no_token_and_no_secret_as_it_is() -> None:
    async def check() -> None:
        async with residing() as server:
            first = await tokens(server)
            second = (await refresh(server, first["refresh_token"])).json
            held = b"".join([key.encode() + value async for key, value in server.store.scan("")])
            for answer in (first, second):
                for name in ("access_token", "refresh_token"):
                    assert answer[name].rpartition(".")[2].encode() not in held
            assert b"the secret of the shop" not in held

    asyncio.run(check())
