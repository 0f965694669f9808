"""Somebody logs in and consents in a real browser, and the application gets its code."""

from __future__ import annotations

import json
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.browser import browser
from support.processes import running
from support.resident import ANN, CHALLENGE, VERIFIER

pytestmark = pytest.mark.timeout(180)


def configuration(port: int, other: int) -> str:
    """The authorization server on one port; the application, another origin, on the other."""
    return f"""
    listen: ["127.0.0.1:{port}", "127.0.0.1:{other}"]
    management: {{enabled: false}}
    stores: {{main: {{sqlite: {{path: apim.db}}}}}}
    key_managers:
      resident:
        resident:
          issuer: http://127.0.0.1:{port}/oauth2
          store: main
          grants: [authorization_code, refresh_token, "urn:ietf:params:oauth:grant-type:device_code"]
          scopes: {{orders.read: {{description: "<b>Read</b> your orders"}}}}
          users: {{ann: {{password: "{ANN}"}}}}
          clients:
            shop:
              redirect_uris: ["http://127.0.0.1:{other}/shop/back"]
              grant_types: [authorization_code, "urn:ietf:params:oauth:grant-type:device_code"]
              scopes: [orders.read]
              secret: "the secret of the shop"
    apis:
      - name: authorization-server
        context: /oauth2
        endpoint: {{authorization-server: {{key_manager: resident}}}}
        plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
        operations: [{{match: "* /*"}}]
      - name: shop
        context: /shop
        endpoint: {{mock: {{body: "back at the shop"}}}}
        plans: [{{name: public, authentication: {{keyless: {{}}}}}}]
        operations: [{{match: GET /back}}]
    """


class Visit:
    """A browser at the authorization server."""

    def __init__(self, chrome: Chrome, port: int, other: int) -> None:
        self.chrome = chrome
        self.issuer = f"http://127.0.0.1:{port}/oauth2"
        self.redirect_uri = f"http://127.0.0.1:{other}/shop/back"

    def begin(self, **more: str) -> None:
        """Follow the application's link."""
        query = {
            "response_type": "code",
            "client_id": "shop",
            "redirect_uri": self.redirect_uri,
            "scope": "orders.read",
            "state": "a state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        self.chrome.get(f"{self.issuer}/authorize?{urllib.parse.urlencode(query)}")

    def log_in(self, password: str = "swordfish") -> None:
        """Fill in the form, with the keyboard alone."""
        self.heading("Log in")
        field = self.chrome.switch_to.active_element
        assert "username" == field.get_attribute("name")
        field.send_keys("ann", Keys.TAB, password, Keys.ENTER)

    def heading(self, text: str) -> None:
        """Wait for the page of that heading."""
        # A page that is left while it is looked at makes its elements stale: then the next is looked at.
        WebDriverWait(self.chrome, 20, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda chrome: [each for each in chrome.find_elements(By.TAG_NAME, "h1") if each.text == text]
        )

    def press(self, text: str) -> None:
        """Press the button of that text."""
        next(each for each in self.chrome.find_elements(By.TAG_NAME, "button") if each.text == text).click()

    def arrived(self) -> dict[str, str]:
        """What the application is told, once the browser is back there."""
        WebDriverWait(self.chrome, 20).until(lambda chrome: chrome.current_url.startswith(self.redirect_uri))
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.chrome.current_url).query))

    def post(self, path: str, **form: str) -> Any:
        """What the application asks by itself."""
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.add_password(None, self.issuer, "shop", "the secret of the shop", is_authenticated=True)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        with opener.open(self.issuer + path, urllib.parse.urlencode(form).encode()) as answer:
            return json.load(answer)


@contextmanager
def visiting(folder: Path) -> Iterator[Visit]:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        port, other = (each.getsockname()[1] for each in (first, second))
    with running(folder, configuration(port, other)) as gateway, browser(folder) as chrome:
        assert gateway.port
        yield Visit(chrome, port, other)


def test_a_user_logs_in_and_consents_and_the_application_gets_a_token(tmp_path: Path) -> None:
    with visiting(tmp_path) as visit:
        visit.begin()
        visit.log_in("wrong")
        WebDriverWait(visit.chrome, 20).until(lambda chrome: chrome.find_elements(By.CSS_SELECTOR, "[role=alert]"))
        visit.chrome.find_element(By.ID, "password").send_keys("swordfish", Keys.ENTER)
        visit.heading("Allow shop?")
        assert "<b>Read</b> your orders" in visit.chrome.find_element(By.TAG_NAME, "li").text
        visit.press("Allow")
        told = visit.arrived()

        assert ("a state", visit.issuer) == (told["state"], told["iss"])
        token = visit.post(
            "/token",
            grant_type="authorization_code",
            code=told["code"],
            redirect_uri=visit.redirect_uri,
            code_verifier=VERIFIER,
        )
        assert "orders.read" == token["scope"]
        # The login that was refused, and the icon that browsers look for: nothing is blocked, nothing fails.
        said = [each["message"] for each in visit.chrome.get_log("browser")]
        assert [] == [each for each in said if "favicon.ico" not in each and "status of 400" not in each]

        visit.begin()
        assert "code" in visit.arrived(), "consent is remembered"


def test_a_user_who_refuses_is_taken_back_to_the_application(tmp_path: Path) -> None:
    with visiting(tmp_path) as visit:
        visit.begin()
        visit.log_in()
        visit.heading("Allow shop?")
        visit.press("Do not allow")
        told = visit.arrived()
        assert ("access_denied", "a state") == (told["error"], told["state"])


def test_a_user_connects_a_device(tmp_path: Path) -> None:
    with visiting(tmp_path) as visit:
        device = visit.post("/device_authorization", scope="orders.read")
        visit.chrome.get(device["verification_uri"])
        visit.log_in()
        visit.heading("Connect a device")
        visit.chrome.find_element(By.ID, "user_code").send_keys(device["user_code"], Keys.ENTER)
        visit.heading("Allow shop?")
        visit.press("Allow")
        visit.heading("Done")
        token = visit.post(
            "/token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=device["device_code"]
        )
        assert "orders.read" == token["scope"]


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_fit_small_and_large_windows_and_say_what_their_fields_are(tmp_path: Path, width: int) -> None:
    with visiting(tmp_path) as visit:
        visit.chrome.set_window_size(width, 800)
        visit.begin()
        visit.heading("Log in")
        script = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert visit.chrome.execute_script(script)
        fields = visit.chrome.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])")
        assert ["User name", "Password"] == [each.accessible_name for each in fields]
        assert "en" == visit.chrome.find_element(By.TAG_NAME, "html").get_attribute("lang")
