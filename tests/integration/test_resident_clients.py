"""The authorization server as client libraries see it, over real sockets: authlib and oauthlib."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidGrantError, LegacyApplicationClient
from requests_oauthlib import OAuth2Session
from support.gateway import run, serving
from support.resident import ANN

KEY = RSAKey.generate_key(2048)
GATEWAY = f"""
management: {{enabled: false}}
stores: {{main: {{sqlite: {{path: apim.db}}}}}}
key_managers:
  resident:
    resident:
      issuer: http://127.0.0.1:8080/oauth2
      store: main
      grants: [authorization_code, client_credentials, refresh_token, password]
      scopes: {{orders.read: {{}}, orders.write: {{}}}}
      users: {{ann: {{password: "{ANN}", claims: {{email: ann@example.com}}}}}}
      clients:
        shop:
          secret: the secret of the shop
          redirect_uris: ["http://127.0.0.1:1/back"]
          grant_types: [authorization_code, client_credentials, refresh_token, password]
          scopes: [orders.read, orders.write, openid, email]
        app: {{redirect_uris: ["com.example.app:/back"], grant_types: [authorization_code, refresh_token]}}
        robot: {{token_endpoint_auth_method: private_key_jwt, keys: KEYS}}
apis:
  - name: authorization-server
    context: /oauth2
    endpoint: {{authorization-server: {{key_manager: resident}}}}
    plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
    operations: [{{match: "* /*"}}]
  - name: orders
    context: /orders
    endpoint: {{mock: {{body: "[]"}}}}
    plans: [{{name: all, authentication: {{jwt: {{key_manager: resident}}}}, subscription: none}}]
    operations: [{{match: GET /all, scopes: [orders.read]}}]
""".replace("KEYS", str([{"kid": "1", **KEY.as_dict(private=False)}]))
BACK = "http://127.0.0.1:1/back"
SECRET = "the secret of the shop"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def against_the_gateway(folder: Path, use: Callable[[str], None]) -> None:
    """Run a client, which blocks, in a thread beside the gateway; it is told where that is."""

    async def serve() -> None:
        async with serving(GATEWAY, folder) as served:
            await asyncio.to_thread(use, served.url)

    run(serve)


def consent(url: str, at: str) -> str:
    """Go through the pages as a browser does; answers where it ends up."""

    def form(page: requests.Response, **fields: str) -> dict[str, str]:
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
        return {unescape(name): unescape(value) for name, value in hidden} | fields

    with requests.Session() as browser:
        page = browser.get(url)
        answer = browser.post(url, form(page, username="ann", password="swordfish"), allow_redirects=False)
        assert 303 == answer.status_code
        page = browser.get(url)
        answer = browser.post(url, form(page, decision="allow"), allow_redirects=False)
        return answer.headers["Location"]


def test_authlib_gets_a_token_for_a_client_and_calls_with_it(tmp_path: Path) -> None:
    def use(url: str) -> None:
        with AuthlibSession("shop", SECRET, scope="orders.read", token_endpoint=f"{url}/oauth2/token") as session:
            token = session.fetch_token()
            assert ("Bearer", 3600, "orders.read") == (token["token_type"], token["expires_in"], token["scope"])
            assert 200 == session.get(f"{url}/orders/all").status_code
            told = session.introspect_token(f"{url}/oauth2/introspect", token["access_token"]).json()
            assert (True, "shop") == (told["active"], told["client_id"])
            keys = KeySet.import_key_set(requests.get(f"{url}/oauth2/jwks").json())
            claims = jwt.decode(token["access_token"], keys, algorithms=["RS256"]).claims
            assert ("http://127.0.0.1:8080/oauth2", "shop") == (claims["iss"], claims["client_id"])
            assert 200 == session.revoke_token(f"{url}/oauth2/revoke", token["access_token"]).status_code
            assert {"active": False} == session.introspect_token(
                f"{url}/oauth2/introspect", token["access_token"]
            ).json()

    against_the_gateway(tmp_path, use)


def test_authlib_gets_tokens_for_a_user_by_code_and_pkce_and_refreshes_them(tmp_path: Path) -> None:
    def use(url: str) -> None:
        verifier = "a-verifier-of-the-app-that-is-long-enough-for-it"
        session = AuthlibSession(
            "shop",
            SECRET,
            scope="orders.read openid email",
            redirect_uri=BACK,
            token_endpoint=f"{url}/oauth2/token",
            code_challenge_method="S256",
        )
        with session:
            asked, state = session.create_authorization_url(f"{url}/oauth2/authorize", code_verifier=verifier)
            back = consent(asked, url)
            token = session.fetch_token(authorization_response=back, state=state, code_verifier=verifier)
            assert {"access_token", "refresh_token", "id_token"} <= set(token)
            assert "ann@example.com" == session.get(f"{url}/oauth2/userinfo").json()["email"]
            assert 200 == session.get(f"{url}/orders/all").status_code
            refreshed = session.refresh_token(refresh_token=token["refresh_token"])
            assert token["refresh_token"] != refreshed["refresh_token"]

    against_the_gateway(tmp_path, use)


def test_authlib_authenticates_by_a_signed_assertion(tmp_path: Path) -> None:
    def use(url: str) -> None:
        token_endpoint = f"{url}/oauth2/token"
        signs = PrivateKeyJWT("http://127.0.0.1:8080/oauth2", headers={"kid": "1"})
        with AuthlibSession("robot", KEY.as_pem(private=True), token_endpoint_auth_method=signs) as session:
            assert "access_token" in session.fetch_token(token_endpoint, grant_type="client_credentials")

    against_the_gateway(tmp_path, use)


def test_oauthlib_gets_a_token_for_a_client(tmp_path: Path) -> None:
    def use(url: str) -> None:
        with OAuth2Session(client=BackendApplicationClient("shop", scope=["orders.read"])) as session:
            token = session.fetch_token(f"{url}/oauth2/token", client_id="shop", client_secret=SECRET)
            assert ["orders.read"] == token["scope"]
            assert 200 == session.get(f"{url}/orders/all").status_code

    against_the_gateway(tmp_path, use)


def test_oauthlib_gets_tokens_for_a_public_client_by_code_and_pkce(tmp_path: Path) -> None:
    def use(url: str) -> None:
        back = "com.example.app:/back"
        with OAuth2Session("app", redirect_uri=back, scope=["orders.read"], pkce="S256") as session:
            asked, _ = session.authorization_url(f"{url}/oauth2/authorize")
            location = consent(asked, url)
            assert location.startswith(back)
            token = session.fetch_token(
                f"{url}/oauth2/token",
                authorization_response=location.replace("com.example.app:", "https://app.example"),
                include_client_id=True,
            )
            refreshed = session.refresh_token(f"{url}/oauth2/token", token["refresh_token"], client_id="app")
            assert 200 == session.get(f"{url}/orders/all").status_code
            assert token["access_token"] != refreshed["access_token"]
            with pytest.raises(InvalidGrantError):
                session.refresh_token(f"{url}/oauth2/token", token["refresh_token"], client_id="app")

    against_the_gateway(tmp_path, use)


def test_oauthlib_understands_what_it_is_told_of_mistakes(tmp_path: Path) -> None:
    def use(url: str) -> None:
        wrong: list[tuple[Any, dict[str, str], type[Exception]]] = [
            (BackendApplicationClient("shop"), {"client_secret": "wrong"}, InvalidClientError),
            (
                LegacyApplicationClient("shop"),
                {"client_secret": SECRET, "username": "ann", "password": "wrong"},
                InvalidGrantError,
            ),
        ]
        for client, arguments, error in wrong:
            with OAuth2Session(client=client) as session, pytest.raises(error):
                session.fetch_token(f"{url}/oauth2/token", client_id="shop", **arguments)

    against_the_gateway(tmp_path, use)
