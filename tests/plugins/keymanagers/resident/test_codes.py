"""The authorization code grant: pages, consent, codes, PKCE (RFC 6749, 4.1; RFC 7636; RFC 9207; RFC 9700, 4)."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from apim_sdk import Secret
from support.resident import CHALLENGE, ISSUER, VERIFIER, Browser, Resided, SlowStore, request, residing

REDIRECT = "https://shop.example/back"
NOW = 1_700_000_000.0


async def exchange(server: Resided, code: str, **parameters: str) -> Any:
    fields = {"redirect_uri": REDIRECT, "code_verifier": VERIFIER, **parameters}
    return await server.token(grant_type="authorization_code", code=code, **{k: v for k, v in fields.items() if v})


def test_a_user_logs_in_consents_and_the_client_gets_tokens() -> None:
    async def check() -> None:
        async with residing() as server:
            browser, target = Browser(server), request(scope="orders.read openid email", nonce="n-1")
            logged_in = await browser.log_in(target)
            assert (303, ISSUER + target) == (logged_in.status, logged_in.headers["Location"])
            back = await browser.send(target, await browser.get(target), decision="allow")
            assert (303, REDIRECT) == (back.status, back.headers["Location"].partition("?")[0])
            assert {"state": "of the shop", "iss": ISSUER, "code": back.answered["code"]} == back.answered
            answer = (await exchange(server, back.answered["code"])).json
            claims = await server.introspect(answer["access_token"])
            assert ("ann", "shop", "orders.read openid email", "APPLICATION_USER", ["buyer"]) == (
                claims["sub"],
                claims["client_id"],
                claims["scope"],
                claims["aut"],
                claims["roles"],
            )
            assert {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"} == set(answer)

    asyncio.run(check())


def test_consent_that_was_given_is_not_asked_for_again() -> None:
    async def check() -> None:
        async with residing() as server:
            browser = Browser(server)
            await browser.allow(scope="orders.read")
            again = await browser.get(request(scope="orders.read"))
            more = await browser.get(request(scope="orders.read orders.write"))
            assert (303, 200) == (again.status, more.status)
            assert "code" in again.answered

    asyncio.run(check())


def test_a_public_client_asks_for_consent_each_time() -> None:
    """Anybody can use its name (RFC 8252, section 8.6)."""

    async def check() -> None:
        async with residing(shop={"secret": None}) as server:
            browser = Browser(server)
            await browser.allow(scope="orders.read")
            assert "Allow" in (await browser.get(request(scope="orders.read"))).text

    asyncio.run(check())


def test_a_client_of_the_operators_own_asks_for_no_consent() -> None:
    async def check() -> None:
        async with residing(shop={"trusted": True}) as server:
            browser = Browser(server)
            await browser.log_in(request())
            assert "code" in (await browser.get(request())).answered

    asyncio.run(check())


def test_who_refuses_is_sent_back_with_an_error() -> None:
    async def check() -> None:
        async with residing() as server:
            browser = Browser(server)
            await browser.log_in(request())
            page = await browser.get(request())
            back = await browser.send(request(), page, decision="deny")
            assert ("access_denied", "of the shop", ISSUER) == (
                back.answered["error"],
                back.answered["state"],
                back.answered["iss"],
            )

    asyncio.run(check())


def test_a_code_that_comes_twice_ends_the_tokens_of_the_first_time() -> None:
    async def check() -> None:
        async with residing() as server:
            code = await server.code()
            first = (await exchange(server, code)).json
            assert (await server.introspect(first["access_token"]))["active"]
            second = await exchange(server, code)
            assert (400, "invalid_grant") == (second.status, second.json["error"])
            assert {"active": False} == await server.introspect(first["access_token"])
            assert {"active": False} == await server.introspect(first["refresh_token"])

    asyncio.run(check())


def test_of_many_exchanges_at_the_same_moment_at_most_one_succeeds_and_not_for_long() -> None:
    async def check() -> None:
        async with residing(SlowStore(lambda: NOW)) as server:
            code = await server.code()
            answers = await asyncio.gather(*(exchange(server, code) for _ in range(4)))
            assert 1 >= sum(answer.status == 200 for answer in answers)
            for answer in answers:
                if answer.status == 200:
                    assert {"active": False} == await server.introspect(answer.json["access_token"])

    asyncio.run(check())


def test_a_code_expires_after_a_minute() -> None:
    async def check() -> None:
        async with residing() as server:
            code = await server.code()
            server.context.clock.advance(61)
            assert "invalid_grant" == (await exchange(server, code)).json["error"]

    asyncio.run(check())


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": ""},
        {"code_verifier": "x" * 43},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": "https://shop.example/other"},
        {"redirect_uri": ""},
        {"client_id": "desk", "client_secret": "desk secret"},
    ],
    ids=str,
)
def test_a_code_is_good_with_its_verifier_its_redirect_uri_and_its_client_only(wrong: dict[str, str]) -> None:
    async def check() -> None:
        desk = {"secret": "desk secret", "grant_types": ["authorization_code"], "redirect_uris": [REDIRECT]}
        async with residing(clients={"desk": desk}) as server:
            code = await server.code()
            answer = await exchange(server, code, **wrong)
            assert (400, "invalid_grant") == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_a_verifier_without_a_challenge_is_refused() -> None:
    """PKCE downgrade (RFC 9700, 4.8.2): a request from which the challenge was cut."""

    async def check() -> None:
        async with residing(shop={"require_pkce": False}) as server:
            code = await server.code(code_challenge="", code_challenge_method="")
            assert 400 == (await exchange(server, code)).status
            assert 200 == (await exchange(server, code, code_verifier="")).status

    asyncio.run(check())


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "no.such.scope"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"request": "e30."}, "request_not_supported"),
        ({"max_age": "soon"}, "invalid_request"),
    ],
    ids=str,
)
def test_a_mistake_of_the_client_is_told_to_the_client(wrong: dict[str, str], error: str) -> None:
    async def check() -> None:
        async with residing() as server:
            reply = await server.ask(f"GET {request(**wrong)}")
            assert (303, error, "of the shop", ISSUER) == (
                reply.status,
                reply.answered["error"],
                reply.answered["state"],
                reply.answered["iss"],
            )

    asyncio.run(check())


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "https://shop.example/back/../other"},
        {"redirect_uri": "https://shop.example/back?x=1"},
        {"redirect_uri": "https://shop.example/back#x"},
        {"redirect_uri": "https://shop.example.evil.example/back"},
        {"redirect_uri": "https://shop.example@evil.example/back"},
        {"redirect_uri": "https://SHOP.example/back"},
        {"redirect_uri": "https://shop.example/back\r\nSet-Cookie: a=b"},
        {"redirect_uri": "//evil.example"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_nobody_is_sent_where_the_client_has_not_registered(wrong: dict[str, str]) -> None:
    async def check() -> None:
        async with residing() as server:
            reply = await server.ask(f"GET {request(**wrong)}")
            assert (400, None) == (reply.status, reply.headers.get("Location"))

    asyncio.run(check())


def test_the_redirect_uri_may_be_left_out_where_there_is_one() -> None:
    async def check() -> None:
        async with residing() as server:
            code = await server.code(redirect_uri="")
            assert 200 == (await exchange(server, code, redirect_uri="")).status

    asyncio.run(check())


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("http://127.0.0.1:51004/back", True),
        ("http://127.0.0.1/back", True),
        ("http://[::1]:51004/back", False),
        ("http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1.evil.example:51004/back", False),
        ("http://127.0.0.1@evil.example/back", False),
        ("https://127.0.0.1:51004/back", False),
    ],
)
def test_a_loopback_address_may_have_any_port(asked: str, allowed: bool) -> None:
    async def check() -> None:
        async with residing(shop={"redirect_uris": ["http://127.0.0.1:8000/back"]}) as server:
            reply = await server.ask(f"GET {request(redirect_uri=asked)}")
            assert (200 if allowed else 400) == reply.status

    asyncio.run(check())


def test_plain_challenges_are_good_only_if_they_are_allowed() -> None:
    async def check() -> None:
        async with residing(allow_plain_pkce=True) as server:
            code = await server.code(code_challenge=VERIFIER, code_challenge_method="plain")
            assert 200 == (await exchange(server, code)).status

    asyncio.run(check())


def test_a_scope_for_a_role_is_given_to_users_with_the_role() -> None:
    async def check() -> None:
        shop = {"scopes": ["orders.read", "admin"]}
        async with residing(shop=shop) as server:
            answer = (await exchange(server, await server.code(scope="orders.read admin"))).json
            assert "orders.read" == answer["scope"]
        async with residing(shop=shop, scopes={"orders.read": {}, "admin": {"roles": ["buyer"]}}) as server:
            answer = (await exchange(server, await server.code(scope="orders.read admin"))).json
            assert "orders.read admin" == answer["scope"]

    asyncio.run(check())


def test_a_pushed_request_is_good_once() -> None:
    async def check() -> None:
        async with residing(require_pushed_requests=True, shop={"trusted": True}) as server:
            assert 400 == (await server.ask(f"GET {request()}")).status
            pushed = await server.form(
                "/par",
                client_id="shop",
                client_secret="the secret of the shop",
                response_type="code",
                redirect_uri=REDIRECT,
                code_challenge=CHALLENGE,
                code_challenge_method="S256",
            )
            assert (201, 90) == (pushed.status, pushed.json["expires_in"])
            target = f"/authorize?client_id=shop&request_uri={pushed.json['request_uri']}"
            browser = Browser(server)
            await browser.log_in(target)
            back = await browser.get(target)
            assert 200 == (await exchange(server, back.answered["code"])).status
            assert 400 == (await browser.get(target)).status

    asyncio.run(check())


def test_a_pushed_request_is_checked_when_it_is_pushed() -> None:
    async def check() -> None:
        async with residing() as server:
            secret = {"client_id": "shop", "client_secret": "the secret of the shop"}
            evil = await server.form("/par", **secret, response_type="code", redirect_uri="https://evil.example/")
            nobody = await server.form("/par", client_id="shop", response_type="code", redirect_uri=REDIRECT)
            assert (400, "invalid_request", 401) == (evil.status, evil.json["error"], nobody.status)

    asyncio.run(check())


def test_max_age_and_prompt_ask_for_the_password_again() -> None:
    async def check() -> None:
        async with residing(shop={"trusted": True}) as server:
            browser = Browser(server)
            await browser.log_in(request())
            server.context.clock.advance(60)
            assert 303 == (await browser.get(request(max_age="100"))).status
            assert "Log in" in (await browser.get(request(max_age="30"))).text
            assert "Log in" in (await browser.get(request(prompt="login"))).text
            page = await browser.log_in(request(prompt="login"))
            assert 303 == (await browser.get(page.headers["Location"].removeprefix(ISSUER))).status
            server.context.clock.advance(60)
            assert "Log in" in (await browser.get(request(max_age="0"))).text
            page = await browser.log_in(request(max_age="0"))
            server.context.clock.advance(1)  # what the browser takes to come back
            assert 303 == (await browser.get(page.headers["Location"].removeprefix(ISSUER))).status

    asyncio.run(check())


def test_a_code_from_before_a_new_password_is_void() -> None:
    async def check() -> None:
        async with residing(shop={"trusted": True}) as server:
            await server.manager.put_user("eve", Secret("swordfish"))
            server.context.clock.advance(10)
            browser = Browser(server)
            await browser.log_in(request(), "eve")
            code = (await browser.get(request())).answered["code"]
            server.context.clock.advance(10)
            await server.manager.put_user("eve", Secret("another one"))
            answer = await exchange(server, code)
            assert (400, "invalid_grant") == (answer.status, answer.json["error"])

    asyncio.run(check())


def test_an_id_token_is_no_access_token_of_its_key_manager() -> None:
    async def check() -> None:
        async with residing() as server:
            answer = await exchange(server, await server.code(scope="openid orders.read"))
            claims = [_claims(answer.json[name]) for name in ("access_token", "id_token")]
            assert [ISSUER] * 2 == [each["iss"] for each in claims]
            assert [True, False] == [server.manager.issues(each) for each in claims]

    asyncio.run(check())


def _claims(token: str) -> Any:
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "==="))
