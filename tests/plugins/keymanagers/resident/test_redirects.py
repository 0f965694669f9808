"""Redirect URIs: what may be registered, and what is the same as what was (RFC 9700, 4.1.3; RFC 8252, 7 and 8)."""

from __future__ import annotations

import contextlib
from urllib.parse import urlencode, urlsplit

import pytest
from apim_keymanagers.resident.answers import parameters_of
from apim_keymanagers.resident.clients import Client
from apim_keymanagers.resident.errors import OAuthError
from apim_keymanagers.resident.redirects import (
    form_action_source,
    is_registered,
    redirect_problem,
    with_parameters,
)
from hypothesis import given
from hypothesis import strategies as st

LOOPBACK = "http://127.0.0.1:8000/back?a=b"
CLIENT = Client("shop", redirect_uris=("https://shop.example/back", LOOPBACK))


@pytest.mark.parametrize(
    "uri",
    [
        "https://shop.example/back",
        "https://shop.example:8443/back?a=b",
        "http://127.0.0.1/back",
        "http://[::1]:8000/back",
        "com.example.app:/back",
        "com.example.app://host/back",
    ],
)
def test_what_may_be_registered(uri: str) -> None:
    assert redirect_problem(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "", "/back", "//shop.example/back", "https://", "https:///back", "https://user@shop.example/", "http://shop.example/",
        "http://localhost/back", "http://127.0.0.1.evil.example/", "http://u@127.0.0.1/", "https://shop.example/#",
        "https://shop.example/ ", "https://shop.example/\n", "https://shop.example\\@evil.example/", "https://*.example/",
        "https://shop.example:port/", "app:/back", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd",
        "https://sh\u00f6p.example/", "vbscript:x", "about:blank",
    ],
)  # fmt: skip
def test_what_may_not(uri: str) -> None:
    assert redirect_problem(uri)


@given(st.text(max_size=80))
def test_nothing_but_what_is_registered_is_registered(text: str) -> None:
    for uri in (
        text,
        f"https://shop.example/back{text}",
        f"http://127.0.0.1{text}",
        f"http://127.0.0.1:8000/back{text}",
    ):
        if is_registered(CLIENT, uri) and uri not in CLIENT.redirect_uris:
            parts = urlsplit(uri)
            assert ("http", "127.0.0.1", "/back", "a=b", "") == (
                parts.scheme, parts.hostname, parts.path, parts.query, parts.fragment
            )  # fmt: skip


@given(st.integers(min_value=1, max_value=65535))
def test_every_port_of_a_loopback_address_will_do(port: int) -> None:
    assert is_registered(CLIENT, f"http://127.0.0.1:{port}/back?a=b")
    assert not is_registered(CLIENT, f"http://127.0.0.1:{port}/back")


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_answer_holds_its_parameters_whatever_they_are(state: str, code: str) -> None:
    for uri in CLIENT.redirect_uris:
        location = with_parameters(uri, code=code, state=state, error=None)
        assert location.startswith(uri)
        assert location.isprintable()
        assert location.isascii()
        answered = parameters_of(urlsplit(location).query)
        assert (code, state) == (answered["code"], answered["state"])


@given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=20), max_size=20))
def test_a_form_is_read_as_it_was_written(form: dict[str, str]) -> None:
    assert form == parameters_of(urlencode(form))


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_any_text_is_a_form_or_refused(text: str) -> None:
    with contextlib.suppress(OAuthError):
        assert text.count("&") + bool(text) == len(parameters_of(text))


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://shop.example/back", "https://shop.example"),
        (LOOPBACK, "http://127.0.0.1:8000"),
        ("com.example.app:/back", "com.example.app:"),
    ],
)
def test_the_form_of_the_consent_page_leads_to_the_origin_of_the_client(uri: str, source: str) -> None:
    assert source == form_action_source(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://x@127.0.0.1/",
        "http://@127.0.0.1:8000/back?a=b",
        "http://x:y@[::1]:9/steal",
        "https://127.0.0.1/back?a=b",
    ],
)
def test_a_loopback_address_with_a_user_or_another_scheme_is_like_no_other(uri: str) -> None:
    assert not is_registered(CLIENT, uri)
    assert not is_registered(Client("web", redirect_uris=("https://shop.example/back",)), uri)
