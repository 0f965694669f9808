"""A resident authorization server without a gateway around it: its endpoint is asked as the gateway would ask it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import attrs
from apim_keymanagers.authorization_server import AuthorizationServer
from apim_keymanagers.resident.plugin import Resident
from apim_sdk import KeyManager, Response
from apim_sdk.testing import FakeContext, FakeStore, build, make_exchange

__all__ = ["ANN", "CHALLENGE", "ISSUER", "SECRET", "VERIFIER", "Browser", "Resided", "SlowStore", "residing"]

ISSUER = "http://127.0.0.1:8080/oauth2"
SECRET = "the secret of the shop"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The example of RFC 7636, appendix B."""

ANN = "$argon2id$v=19$m=8,t=1,p=1$c29tZSBzYWx0IDEyMzRhYg$QTqoNwFUEtnkm4ri9Xy71BeOYV5F0SusrJE7mfi6snw"
"""A hash of ``swordfish``, cheap to work out."""


class SlowStore(FakeStore):
    """A store for which everybody has to wait a turn of the loop, so that who races in earnest does so in a test."""

    async def get(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return await super().get(key)

    async def put(self, key: str, value: bytes, expires_in: float | None = None) -> None:
        await asyncio.sleep(0)
        await super().put(key, value, expires_in)

    async def add(self, key: str, value: bytes, expires_in: float | None = None) -> bool:
        await asyncio.sleep(0)
        return await super().add(key, value, expires_in)

    async def replace(self, key: str, old: bytes, new: bytes, expires_in: float | None = None) -> bool:
        await asyncio.sleep(0)
        return await super().replace(key, old, new, expires_in)

    async def take(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return await super().take(key)


@attrs.frozen
class Reply:
    """An answer, read."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def answered(self) -> dict[str, str]:
        """The parameters of the location that the browser is sent to."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers["Location"]).query).items()}

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the page's form."""
        found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', self.text)
        return {unescape(name): unescape(value) for name, value in found}


@attrs.frozen
class Resided:
    """The server, and what surrounds it."""

    manager: Resident
    endpoint: AuthorizationServer
    context: FakeContext
    store: FakeStore

    async def ask(
        self, line: str, headers: Mapping[str, str] | None = None, body: bytes = b"", **arguments: Any
    ) -> Reply:
        exchange = make_exchange(line, headers or {}, body, **arguments)
        answer: Response = await self.endpoint.send(exchange)
        return Reply(answer.status, answer.headers, await answer.body.read())

    async def form(self, path: str, headers: Mapping[str, str] | None = None, **parameters: str) -> Reply:
        """POST a form."""
        fields = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self.ask(f"POST {path}", fields, urlencode(parameters).encode())

    async def token(self, client_id: str = "shop", client_secret: str | None = SECRET, **parameters: str) -> Reply:
        """Ask for a token, as the client ``shop`` unless said otherwise."""
        secret = {} if client_secret is None else {"client_secret": client_secret}
        return await self.form("/token", client_id=client_id, **secret, **parameters)

    async def introspect(self, token: str) -> dict[str, Any]:
        """What the server says of a token to a client that may ask about all."""
        return (await self.form("/introspect", client_id="desk", client_secret="desk secret", token=token)).json

    async def code(self, **parameters: str) -> str:
        """A code for the client ``shop``, with the consent of ann."""
        return (await Browser(self).allow(**parameters)).answered["code"]


@attrs.define
class Browser:
    """A browser: it keeps one cookie, and fills in the forms that it is shown."""

    server: Resided
    cookie: str = ""

    async def get(self, target: str) -> Reply:
        return self._kept(await self.server.ask(f"GET {target}", self._headers()))

    async def send(self, target: str, page: Reply, **fields: str) -> Reply:
        """Send the form of a page."""
        return self._kept(await self.server.form(target, self._headers(), **{**page.hidden, **fields}))

    async def log_in(self, target: str, name: str = "ann", password: str = "swordfish") -> Reply:
        """Log in on the page of ``target``; answers where that leads to."""
        page = await self.get(target)
        return await self.send(target, page, username=name, password=password)

    async def allow(self, **parameters: str) -> Reply:
        """Log in, and allow an authorization request of the client ``shop``."""
        target = request(**parameters)
        await self.log_in(target)
        page = await self.get(target)
        return page if page.status == 303 else await self.send(target, page, decision="allow")

    def _headers(self) -> dict[str, str]:
        return {"Cookie": self.cookie} if self.cookie else {}

    def _kept(self, reply: Reply) -> Reply:
        cookie = reply.headers.get("Set-Cookie")
        if cookie is not None:
            self.cookie = cookie.partition(";")[0]
        return reply


def request(**parameters: str) -> str:
    """An authorization request of the client ``shop``; a parameter that is empty is left out."""
    asked = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": "https://shop.example/back",
        "state": "of the shop",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"/authorize?{urlencode({name: value for name, value in asked.items() if value})}"


CLIENT: Mapping[str, Any] = {
    "secret": SECRET,
    "redirect_uris": ["https://shop.example/back"],
    "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
    "scopes": ["orders.read", "orders.write", "openid", "email"],
}
"""The client ``shop``."""


@contextlib.asynccontextmanager
async def residing(
    store: FakeStore | None = None,
    context: FakeContext | None = None,
    key_managers: Mapping[str, KeyManager] | None = None,
    shop: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Resided]:
    """A server with the clients ``shop`` and ``desk`` and the user ``ann``; ``shop`` and ``settings`` add to that."""
    given = {
        "issuer": ISSUER,
        "store": "main",
        "algorithm": "ES256",
        "scopes": {"orders.read": {}, "orders.write": {}, "admin": {"roles": ["admin"]}},
        "users": {"ann": {"password": ANN, "roles": ["buyer"], "claims": {"email": "ann@example.com"}}},
        **settings,
    }
    given["clients"] = {
        "shop": {**CLIENT, **(shop or {})},
        "desk": {"secret": "desk secret", "introspects": True},
        **settings.get("clients", {}),
    }
    context = context or FakeContext()
    store = store or FakeStore(context.clock.now)
    context.stores = {"main": store}
    manager = build(Resident, given)
    context.key_managers = {**(key_managers or {}), "resident": manager}
    endpoint = build(AuthorizationServer, {"key_manager": "resident"})
    try:
        await manager.start(context)
        await endpoint.start(context)
        yield Resided(manager, endpoint, context, store)
    finally:
        await context.close()
