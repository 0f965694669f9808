"""Threat class 22: session fixation, CSRF, framing and open redirects at the pages of the authorization server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.gateway import Served, run, serving
from support.resident import ANN, CHALLENGE, VERIFIER

GATEWAY = f"""
management: {{enabled: false}}
stores: {{main: {{memory: {{}}}}}}
key_managers:
  resident:
    resident:
      issuer: ISSUER
      store: main
      algorithm: ES256
      users: {{ann: {{password: "{ANN}"}}, eve: {{password: "{ANN}"}}}}
      clients:
        shop: {{redirect_uris: ["https://shop.example/back"], grant_types: [authorization_code]}}
        mall: {{redirect_uris: ["https://mall.example/back"], grant_types: [authorization_code]}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
"""
HTTP = GATEWAY.replace("ISSUER", "http://127.0.0.1:8080/oauth2")
HTTPS = GATEWAY.replace("ISSUER", "https://login.example/oauth2")


def request(client: str = "shop", **parameters: str) -> str:
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": f"https://{client}.example/back",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"/oauth2/authorize?{urlencode(asked)}"


def hidden(page: Any) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.body.decode()))


def cookie(answer: Any) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]


async def log_in(served: Served, name: str = "ann", target: str | None = None) -> str:
    """The cookie of a session of a user."""
    target = target or request()
    page = await served.get(target)
    form = {**hidden(page), "username": name, "password": "swordfish"}
    answer = await served.call("POST", target, headers={"Cookie": cookie(page)}, data=form)
    assert 303 == answer.status
    return cookie(answer)


async def post(served: Served, target: str, cookies: str | None, **form: str) -> Any:
    return await served.call("POST", target, headers={} if cookies is None else {"Cookie": cookies}, data=form)


def serve(check: Any, folder: Path, text: str = HTTP) -> None:
    async def served() -> None:
        async with serving(text, folder) as gateway:
            await check(gateway)

    run(served)


def test_a_login_gives_a_session_that_nobody_knew_before(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        planted = "apim-session=known-to-the-attacker"
        page = await served.get(request(), Cookie=planted)
        answer = await post(served, request(), planted, **hidden(page), username="ann", password="swordfish")
        assert cookie(answer) != planted
        assert b"Log in" in (await served.get(request(), Cookie=planted)).body
        assert b"Allow" in (await served.get(request(), Cookie=cookie(answer))).body

    serve(check, tmp_path)


def test_a_second_login_ends_the_first_session_of_the_browser(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        first = await log_in(served)
        page = await served.get(request(prompt="login"), Cookie=first)
        # Right after a login the prompt is satisfied, so the form is that of the consent: log in with its own token.
        assert b"Allow" in page.body
        assert 403 == (await post(served, request(), first, step="login", token=hidden(page)["token"])).status

    serve(check, tmp_path)


@pytest.mark.parametrize("token", [None, "", "x", "f" * 64])
@pytest.mark.parametrize("step", ["login", "consent"])
def test_a_form_without_the_token_of_this_browser_is_refused(tmp_path: Path, step: str, token: str | None) -> None:
    async def check(served: Served) -> None:
        session = await log_in(served)
        form = {"step": step, "decision": "allow", "username": "eve", "password": "swordfish"}
        answer = await post(served, request(), session, **form, **({} if token is None else {"token": token}))
        assert (403, None) == (answer.status, answer.headers.get("Location"))

    serve(check, tmp_path)


def test_the_token_of_one_browser_or_request_is_not_good_for_another(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        ann, eve = await log_in(served), await log_in(served, "eve")
        mine = hidden(await served.get(request(), Cookie=eve))
        assert 403 == (await post(served, request(), ann, **mine, decision="allow")).status
        other = hidden(await served.get(request("mall"), Cookie=ann))
        assert 403 == (await post(served, request(), ann, **other, decision="allow")).status
        right = hidden(await served.get(request(), Cookie=ann))
        assert 303 == (await post(served, request(), ann, **right, decision="allow")).status

    serve(check, tmp_path)


def test_a_login_cannot_be_forced_on_a_browser(tmp_path: Path) -> None:
    """CSRF of the login: a page of eve's logs the victim in as eve."""

    async def check(served: Served) -> None:
        page = await served.get(request())
        answer = await post(served, request(), None, **hidden(page), username="eve", password="swordfish")
        assert 403 == answer.status

    serve(check, tmp_path)


@pytest.mark.parametrize("path", [request(), "/oauth2/device", request("nobody")])
def test_no_page_may_be_framed_or_run_scripts(tmp_path: Path, path: str) -> None:
    async def check(served: Served) -> None:
        page = await served.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert ("DENY", "no-store", "no-referrer", "nosniff") == (
            page.headers["X-Frame-Options"],
            page.headers["Cache-Control"],
            page.headers["Referrer-Policy"],
            page.headers["X-Content-Type-Options"],
        )
        assert b"<script" not in page.body

    serve(check, tmp_path)


def test_the_consent_page_lets_its_form_lead_to_the_client_only(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        page = await served.get(request(), Cookie=await log_in(served))
        assert "form-action 'self' https://shop.example;" in page.headers["Content-Security-Policy"]

    serve(check, tmp_path)


def test_the_cookie_is_for_the_browser_and_this_site_only(tmp_path: Path) -> None:
    async def plain(served: Served) -> None:
        given = (await served.get(request())).headers["Set-Cookie"]
        assert {"Path=/oauth2", "HttpOnly", "SameSite=Lax"} == set(given.split("; ")[1:])

    async def secure(served: Served) -> None:
        given = (await served.get(request())).headers["Set-Cookie"]
        assert given.startswith("__Secure-apim-session=")
        assert {"Path=/oauth2", "HttpOnly", "SameSite=Lax", "Secure"} == set(given.split("; ")[1:])

    serve(plain, tmp_path)
    serve(secure, tmp_path, HTTPS)


@pytest.mark.parametrize(
    "name", ['"><script>alert(1)</script>', "a\r\nSet-Cookie: x=y", "<img src=x>", "&quot;", "\u202egnp.exe"]
)
def test_what_is_typed_is_shown_as_text(tmp_path: Path, name: str) -> None:
    async def check(served: Served) -> None:
        page = await served.get(request())
        answer = await post(served, request(), cookie(page), **hidden(page), username=name, password="x")
        hinted = await served.get(request(login_hint=name, state=name))
        for shown in (answer, hinted):
            assert b"<script>" not in shown.body
            assert b"<img" not in shown.body
            assert "x=y" not in str(shown.headers)

    serve(check, tmp_path)


def test_no_line_break_of_a_client_gets_into_a_header(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        answer = await served.get(request(state="a\r\nSet-Cookie: x=y", prompt="none"))
        assert (303, None) == (answer.status, answer.headers.get("Set-Cookie"))
        assert "%0D%0A" in answer.headers["Location"]

    serve(check, tmp_path)


def test_a_password_again_is_not_skipped_by_sending_another_form(tmp_path: Path) -> None:
    async def check(served: Served) -> None:
        session = await log_in(served)
        target = request(max_age="0")
        for form in ({}, {"step": "device"}, {"step": "x", "decision": "allow"}):
            answer = await post(served, target, session, **form)
            assert 303 != answer.status or "code=" not in answer.headers["Location"]

    serve(check, tmp_path)


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example@127.0.0.1:9/", "http://@127.0.0.1/back", "http://x@[::1]/", "http://127.0.0.1/back",
        "https://shop.example@evil.example/back", "https://shop.example/back?", "https://shop.example/back#",
        "https://SHOP.example/back", "https://shop.example:443/back", "https://shop.example/./back",
        "https://shop.example/back%20", "//shop.example/back", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_nobody_is_sent_to_where_the_client_did_not_register(tmp_path: Path, uri: str) -> None:
    async def check(served: Served) -> None:
        session = await log_in(served)
        for prompt in ("none", "consent"):
            answer = await served.call("GET", request(redirect_uri=uri, prompt=prompt), headers={"Cookie": session})
            assert (400, None) == (answer.status, answer.headers.get("Location"))

    serve(check, tmp_path)


def test_a_stranger_gets_no_secret_of_a_client_by_its_name(tmp_path: Path) -> None:
    open_to_all = HTTP.replace("      clients:", "      registration: {open: true}\n      clients:")
    form = {"clientName": "shop floor", "owner": "ann", "grantType": "client_credentials"}

    async def check(served: Served) -> None:
        path = "/oauth2/client-registration/v0.17/register"
        theirs, mine = [json.loads((await served.call("POST", path, json=form)).body) for _ in range(2)]
        assert theirs["clientId"] != mine["clientId"]
        secret = {"client_id": theirs["clientId"], "client_secret": mine["clientSecret"]}
        answer = await served.call("POST", "/oauth2/token", data={"grant_type": "client_credentials", **secret})
        assert 401 == answer.status

    serve(check, tmp_path, open_to_all)


def test_an_id_token_opens_no_api(tmp_path: Path) -> None:
    orders = """
  - name: orders
    context: /orders
    endpoint: {mock: {status: 200}}
    plans: [{name: users, authentication: {jwt: {key_manager: resident}}, subscription: none}]
    operations: [{match: "GET /*"}]
"""

    async def check(served: Served) -> None:
        target = request(scope="openid", prompt="consent")
        session = await log_in(served, target=target)
        page = await served.call("GET", target, headers={"Cookie": session})
        answer = await post(served, target, session, **hidden(page), decision="allow")
        form = {
            "grant_type": "authorization_code",
            "client_id": "shop",
            "code": parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0],
            "code_verifier": VERIFIER,
            "redirect_uri": "https://shop.example/back",
        }
        tokens = json.loads((await served.call("POST", "/oauth2/token", data=form)).body)
        for name, status in (("access_token", 200), ("id_token", 401)):
            bearer = {"Authorization": f"Bearer {tokens[name]}"}
            assert status == (await served.call("GET", "/orders/1", headers=bearer)).status

    serve(check, tmp_path, HTTP + orders)
