"""Threat class 17, key managers: what a server says of itself must not make the gateway call what it should not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web
from apim_keymanagers.oidc import OIDC
from apim_sdk import ClientRegistration, RegisteredClient
from apim_sdk.testing import build, started
from support.callouts import CallingContext
from support.gateway import api, run, serving
from support.tokens import claims, public, signed

from apim_core.egress import Egress, EgressRefused

CREDENTIALS = {"id": "gateway", "secret": "the secret of gateway"}
INTERNAL = "http://169.254.169.254/latest/meta-data/"
"""Where clouds keep credentials."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Hostile:
    """A server that is trusted for its tokens, and says what a test wants of its endpoints."""

    def __init__(self) -> None:
        self.issuer = ""
        self.metadata: Mapping[str, str] = {}
        self.answers: Mapping[str, Handler] = {}
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path in self.answers:
            return await self.answers[request.path](request)
        if request.path == "/.well-known/openid-configuration":
            metadata = {name: url.replace("ISSUER", self.issuer) for name, url in self.metadata.items()}
            named = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **metadata}
            return web.json_response(named)
        return web.json_response({"keys": [public()]})


@contextlib.asynccontextmanager
async def hostile() -> AsyncIterator[Hostile]:
    server = Hostile()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def attacked(
    scenario: Callable[[OIDC, Hostile], Awaitable[None]],
    metadata: Mapping[str, str] | None = None,
    answers: Mapping[str, Handler] | None = None,
) -> None:
    """Run a scenario with a key manager that trusts the hostile server; loopback is the only network it may call."""

    async def once() -> None:
        async with hostile() as server:
            server.metadata, server.answers = metadata or {}, answers or {}
            context = CallingContext(egress=Egress([ip_network("127.0.0.0/8")], limit=2**20, timeout=5.0))
            manager = build(OIDC, {"issuer": server.issuer, "credentials": CREDENTIALS})
            async with started(manager, context):
                await scenario(manager, server)

    asyncio.run(once())


async def no_keys(manager: OIDC) -> str:
    """Why there are no keys."""
    keys = manager.keys("a")
    assert not isinstance(keys, tuple)
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the text is what the test looks at
        await keys
    return str(caught.value)


def test_endpoints_at_private_addresses_are_not_called() -> None:
    names = ("token", "introspection", "revocation", "registration")
    metadata = {f"{name}_endpoint": INTERNAL for name in names}

    async def scenario(manager: OIDC, server: Hostile) -> None:
        for call in (
            manager.token({"grant_type": "client_credentials"}),
            manager.introspect("token"),
            manager.revoke("token"),
            manager.register(ClientRegistration("shop")),
        ):
            with pytest.raises(EgressRefused, match="not public"):
                await call

    attacked(scenario, metadata)


@pytest.mark.parametrize(
    "place", [INTERNAL, "http://10.0.0.1/jwks", "http://[fd00::1]/jwks", "http://[::ffff:10.0.0.1]/"]
)
def test_keys_at_private_addresses_are_not_fetched(place: str) -> None:
    async def scenario(manager: OIDC, server: Hostile) -> None:
        assert "not public" in await no_keys(manager)

    attacked(scenario, {"jwks_uri": place})


@pytest.mark.parametrize("place", ["file:///etc/passwd", "gopher://127.0.0.1/", "/etc/passwd", "jar:http://x!/"])
def test_endpoints_that_are_no_web_addresses_spoil_the_whole_document(place: str) -> None:
    async def scenario(manager: OIDC, server: Hostile) -> None:
        with pytest.raises(OSError, match="token_endpoint is no URL"):
            await manager.token({"grant_type": "client_credentials"})

    attacked(scenario, {"token_endpoint": place})


def test_a_redirect_is_not_followed_with_the_secret_of_the_gateway() -> None:
    async def redirect(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async def scenario(manager: OIDC, server: Hostile) -> None:
        with pytest.raises(OSError, match="answers 307"):
            await manager.token({"grant_type": "client_credentials"})
        assert "/elsewhere" not in server.asked

    attacked(scenario, {"token_endpoint": "ISSUER/token"}, {"/token": redirect})


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
def test_an_endless_answer_is_cut_off(path: str) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" " * 65536)
        return response

    async def scenario(manager: OIDC, server: Hostile) -> None:
        assert "larger than 1048576 bytes" in await no_keys(manager)

    attacked(scenario, answers={path: endless})


def test_a_client_that_says_it_is_managed_at_a_private_address_is_not_called_there() -> None:
    client = RegisteredClient("c", management={"registration_client_uri": INTERNAL, "registration_access_token": "r"})

    async def scenario(manager: OIDC, server: Hostile) -> None:
        for call in (manager.client(client), manager.delete(client)):
            with pytest.raises(EgressRefused, match="not public"):
                await call

    attacked(scenario)


def test_a_set_of_very_many_keys_is_refused() -> None:
    """A token that names no key would be held against every one of them."""

    async def many(request: web.Request) -> web.StreamResponse:
        return web.Response(text=json.dumps({"keys": [{**public(), "kid": str(n)} for n in range(1000)]}))

    async def scenario(manager: OIDC, server: Hostile) -> None:
        assert "it has 1000 keys" in await no_keys(manager)

    attacked(scenario, answers={"/jwks": many})


def test_keys_in_a_network_that_is_not_allowed_are_not_fetched_though_the_server_itself_is_allowed(
    tmp_path: Path,
) -> None:
    """Nothing reaches what listens there, and the gateway knows that it cannot tell."""

    async def scenario() -> None:
        reached: list[object] = []
        internal = await asyncio.start_server(lambda *connection: reached.append(connection), "127.0.0.2", 0)
        async with internal, hostile() as server:
            server.metadata = {"jwks_uri": f"http://127.0.0.2:{internal.sockets[0].getsockname()[1]}/jwks"}
            text = api(
                rest=f"""\
                egress: {{allow: [127.0.0.1/32]}}
                key_managers: {{main: {{oidc: {{issuer: "{server.issuer}"}}}}}}
                """
            ).replace("keyless: {}", "jwt: {key_manager: main}")
            token = signed(claims(iss=server.issuer, exp=time.time() + 300, iat=time.time()))
            async with serving(text, tmp_path) as gateway:
                answer = await gateway.get("/api/items/1", Authorization=f"Bearer {token}")
        assert 503 == answer.status
        assert [] == reached

    run(scenario())
