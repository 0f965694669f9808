"""Threat class 13, key managers: what proves the gateway, its clients and users appears in no error, log or repr."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from aiohttp import web
from apim_keymanagers.auth0 import Auth0
from apim_keymanagers.keycloak import Keycloak
from apim_keymanagers.oidc import OIDC
from apim_keymanagers.okta import Okta
from apim_sdk import ClientRegistration, KeyManager, RegisteredClient, Secret
from apim_sdk.testing import build, started
from support.callouts import CallingContext

MARK = "5ec7e75ec7e75ec7e7"
"""Part of every secret here."""


def calls(manager: KeyManager, client: RegisteredClient) -> list[Awaitable[Any]]:
    return [
        manager.introspect(f"{MARK}-token"),
        manager.token({"grant_type": "password", "username": "anna", "password": f"{MARK}-password"}, client),
        manager.token({"grant_type": "refresh_token", "refresh_token": f"{MARK}-refresh"}, client),
        manager.revoke(f"{MARK}-token", client),
        manager.register(ClientRegistration("shop")),
        manager.adopt("shop", Secret(f"{MARK}-secret")),
        manager.client(client),
        manager.update(client, ClientRegistration("shop")),
        manager.renew_secret(client),
        manager.delete(client),
    ]


@pytest.mark.parametrize(
    ("plugin", "settings"),
    [
        (
            OIDC,
            {"registration": {"initial_access_token": f"{MARK}-initial", "software_statement": f"{MARK}-statement"}},
        ),
        (Keycloak, {}),
        (Okta, {"api_token": f"{MARK}-api"}),
        (Auth0, {"audience": "urn:orders"}),
    ],
)
@pytest.mark.parametrize("answer", ["nothing", "500", "400", "401", "no JSON", "a list", "numbers"])
def test_however_a_server_fails_no_secret_is_told(
    plugin: type[KeyManager], settings: dict[str, Any], answer: str
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith(("/openid-configuration", "/jwks")):
            issuer = f"http://{request.host}"
            named = {f"{name}_endpoint": f"{issuer}/{name}" for name in ("token", "introspection", "revocation")}
            named["registration_endpoint"] = f"{issuer}/registration"
            return web.json_response({"issuer": issuer, "jwks_uri": f"{issuer}/jwks", **named})
        if answer == "nothing":
            assert request.transport is not None
            request.transport.abort()
        if answer.isdigit():
            return web.json_response({"error": "no"}, status=int(answer))
        numbers = dict.fromkeys(("access_token", "client_id", "active", "client_secret"), 1)
        return web.Response(text={"no JSON": "<html>", "a list": "[]"}.get(answer, json.dumps(numbers)))

    async def once() -> tuple[list[str], CallingContext, KeyManager]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        management = {"registration_client_uri": f"{issuer}/c", "registration_access_token": f"{MARK}-management"}
        client = RegisteredClient("c", Secret(f"{MARK}-client"), management=management)
        credentials = {"id": "gateway", "secret": f"{MARK}-gateway"}
        context = CallingContext()
        manager = build(plugin, {"issuer": issuer, "credentials": credentials, **settings})
        try:
            async with started(manager, context):
                outcomes = await asyncio.gather(*calls(manager, client), return_exceptions=True)
        finally:
            await runner.cleanup()
        return [f"{outcome!r} {outcome} {causes(outcome)}" for outcome in outcomes], context, manager

    outcomes, context, manager = asyncio.run(once())
    shown = [*outcomes, repr(manager), str(manager), *(f"{line.event} {line.facts}" for line in context.log.lines)]

    assert [] == [text for text in shown if MARK in text]
    assert sum("Error" in text or "BadAnswer" in text for text in outcomes) >= 5


def causes(outcome: object) -> str:
    """What an error came from, as a log would tell it."""
    told = []
    while isinstance(outcome, BaseException):
        told.append(f"{outcome!r} {outcome}")
        outcome = outcome.__cause__ or outcome.__context__
    return " <- ".join(told)
