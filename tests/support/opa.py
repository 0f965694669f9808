"""A stand-in for the server of Open Policy Agent: its Data API over a real interpreter of Rego.

The registries have no OPA server. Decisions are made by rego-cpp (``regopy``), the API around it answers as OPA's does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any

import attrs
from aiohttp import web

POLICY = """
package apim.authz

import rego.v1

default allow := false

allow if {
    input.method == "GET"
    input.claims.tenant == input.path_parameters.tenant
}

allow if "admin" in input.principal.roles

decision := {"allow": true, "headers": {"X-Tenant": input.claims.tenant}} if allow

decision := {"allow": false, "message": concat(" ", ["Ask", input.api.name, "for access"])} if not allow

rich if input.body.amount < 100

from_office if input.headers["x-office"] == "yes"

about := input
"""


@attrs.define
class OPAServer:
    """The server's state, which a test reads and changes."""

    url: str = ""
    token: str = ""
    """The bearer token that it wants, if any."""
    answer: bytes | None = None
    """What it answers instead of a decision."""
    silent: bool = False
    """Whether it takes the question and never answers."""
    asked: list[dict[str, Any]] = attrs.field(factory=list)
    """The inputs that it got."""
    paths: list[str] = attrs.field(factory=list)


@contextlib.asynccontextmanager
async def opa(policy: str = POLICY) -> AsyncIterator[OPAServer]:
    """Serve until the block ends."""
    from regopy import Interpreter

    server = OPAServer()
    interpreter = Interpreter()
    interpreter.add_module("policy", policy)
    released = asyncio.Event()

    async def data(request: web.Request) -> web.Response:
        server.paths.append(request.path)
        if server.token and request.headers.get("Authorization") != f"Bearer {server.token}":
            return web.json_response({"code": "unauthorized", "message": "request rejected"}, status=401)
        if server.silent:
            await released.wait()
        if server.answer is not None:
            return web.Response(body=server.answer, content_type="application/json")
        try:
            content = await request.json()
        except ValueError:
            content = {"code": "invalid_parameter", "message": "error(s) occurred while decoding request"}
            return web.json_response(content, status=400)
        server.asked.append(content["input"])
        interpreter.set_input(content["input"])
        query = ".".join(("data", *request.match_info["path"].split("/")))
        found = str(interpreter.query(f"found := {query}"))
        answer: dict[str, Any] = {"decision_id": token_hex(8)}
        if found != "undefined":
            answer["result"] = json.loads(found)["bindings"]["found"]
        return web.json_response(answer)

    application = web.Application()
    application.router.add_post("/v1/data/{path:.+}", data)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        released.set()
        await runner.cleanup()
