"""A stand-in for OpenFGA's HTTP API: stores, tuples and Check, over tuples that a test writes.

It knows direct relations, user sets (``group:x#member``) and ``*``, and refuses what OpenFGA refuses.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import attrs
from aiohttp import web

STORE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
MODEL = "01HVMMBCMGZNT3SED4Z17ECXCA"
OBJECT = re.compile(r"[^:#\s]+:[^:#\s]+")
USER = re.compile(r"[^:#\s]+:([^:#\s]+(#[^:#\s]+)?)")


@attrs.define
class OpenFGAServer:
    """The server's state, which a test reads and changes."""

    url: str = ""
    token: str = ""
    """The preshared key that it wants, if any."""
    tuples: set[tuple[str, str, str]] = attrs.field(factory=set)
    """User, relation, object."""
    relations: dict[str, set[str]] = attrs.field(factory=lambda: {"order": {"reader", "owner"}, "group": {"member"}})
    """The relations of each type in the model."""
    asked: list[dict[str, Any]] = attrs.field(factory=list)

    def related(self, user: str, relation: str, thing: str) -> bool:
        """Whether the user has the relation, by a tuple, a user set or the type's ``*``."""
        kind = user.partition(":")[0]
        if {(user, relation, thing), (f"{kind}:*", relation, thing)} & self.tuples:
            return True
        sets = [each[0].partition("#") for each in self.tuples if each[1:] == (relation, thing) and "#" in each[0]]
        return any(self.related(user, member, group) for group, _, member in sets)


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


@contextlib.asynccontextmanager
async def openfga() -> AsyncIterator[OpenFGAServer]:
    """Serve until the block ends."""
    server = OpenFGAServer()

    async def check(request: web.Request) -> web.Response:
        if server.token and request.headers.get("Authorization") != f"Bearer {server.token}":
            return _error(401, "unauthenticated", "unauthenticated")
        if request.match_info["store"] != STORE:
            return _error(404, "store_id_not_found", f"Store ID '{request.match_info['store']}' not found")
        content = await request.json()
        server.asked.append(content)
        if content.get("authorization_model_id", MODEL) != MODEL:
            return _error(400, "authorization_model_not_found", "Authorization Model not found")
        if content.get("consistency") not in ("MINIMIZE_LATENCY", "HIGHER_CONSISTENCY"):
            return _error(400, "validation_error", "invalid CheckRequest.Consistency")
        key = content["tuple_key"]
        user, relation, thing = key["user"], key["relation"], key["object"]
        if not USER.fullmatch(user) or not OBJECT.fullmatch(thing):
            return _error(400, "validation_error", "invalid tuple_key")
        if relation not in server.relations.get(thing.partition(":")[0], set()):
            return _error(400, "validation_error", f"relation '{thing.partition(':')[0]}#{relation}' not found")
        return web.json_response({"allowed": server.related(user, relation, thing), "resolution": ""})

    application = web.Application()
    application.router.add_post("/stores/{store}/check", check)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
