"""Whatever strangers send, the server answers with an error of theirs and never fails."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from support.resident import CHALLENGE, SECRET, residing

PATHS = (
    "/token", "/introspect", "/revoke", "/device_authorization", "/authorize", "/device", "/par", "/userinfo",
    "/register", "/client-registration/v0.17/register", "/register/shop", "/jwks", "/nothing",
)  # fmt: skip
NAMES = (
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code", "code_verifier",
    "redirect_uri", "refresh_token", "scope", "token", "username", "password", "device_code", "user_code", "state",
    "subject_token", "subject_token_type", "assertion", "request_uri", "prompt", "max_age", "step", "decision",
    "response_type", "code_challenge", "code_challenge_method",
)  # fmt: skip
VALUES = (
    "shop", SECRET, "authorization_code", "client_credentials", "refresh_token", "password", "code", "ann",
    "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "urn:ietf:params:oauth:token-type:jwt", "S256",
    "https://shop.example/back", CHALLENGE, "e30.e30.e30", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOltdfQ.AAAA", "login",
)  # fmt: skip
forms = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=30), max_size=12)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = (
    "client_name", "redirect_uris", "grant_types", "response_types", "scope", "token_endpoint_auth_method", "jwks",
    "clientName", "callbackUrl", "grantType", "tokenScope", "owner", "tls_client_auth_subject_dn", "client_id",
)  # fmt: skip
documents = st.dictionaries(st.sampled_from(MEMBERS), values, max_size=8) | values
headers = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
        | st.sampled_from(("Basic c2hvcDp4", "Basic /w==", "Bearer x", "Bearer ", "Basic", "")),
        "Cookie": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
        "DPoP": st.sampled_from(VALUES[-4:]),
    },
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), headers, forms, documents, st.binary(max_size=40)), max_size=20))
def test_no_request_makes_the_server_fail(requests: list[Any]) -> None:
    async def check() -> None:
        grants = [
            "authorization_code", "client_credentials", "refresh_token", "password",
            "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ]  # fmt: skip
        async with residing(grants=grants, shop={"grant_types": grants}, registration={"open": True}) as server:
            for path, fields, form, document, junk in requests:
                written = urlencode(form)
                for line, kind, body in (
                    (f"POST {path}", "application/x-www-form-urlencoded", written.encode()),
                    (f"POST {path}", "application/json", json.dumps(document).encode()),
                    (f"POST {path}", "application/x-www-form-urlencoded", junk),
                    (f"PUT {path}", "application/json", junk),
                    (f"GET {path}?{written}", "text/plain", b""),
                    (f"DELETE {path}", "text/plain", b""),
                ):
                    answer = await server.ask(line, {"Content-Type": kind, **fields}, body)
                    assert answer.status < 500

    asyncio.run(check())
