"""The routes of applications."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from apim_core.access.entries import ApplicationEntry, plain
from apim_core.config import model as config
from apim_core.management.calls import Call, page_of

__all__ = ["add", "change", "listed", "remove", "show"]


async def listed(call: Call) -> web.Response:
    """``GET /applications``: by ``name`` and ``owner``, a page at a time."""
    filters = call.filters("name", "owner")
    ledger = await call.ledger()
    stored = await ledger.page(
        ApplicationEntry,
        lambda entry: all(getattr(entry, name) == value for name, value in filters.items()),
        call.after,
        call.limit,
    )
    written = [
        _written(id_, each)
        for id_, each in ledger.applications.items()
        if all(getattr(each, name) == value for name, value in filters.items())
    ]
    return page_of([*written, *(_stored(id_, entry) for id_, entry in stored)], call)


async def show(call: Call) -> web.Response:
    """``GET /applications/{id}``."""
    ledger = await call.ledger()
    if call.id in ledger.applications:
        return web.json_response(_written(call.id, ledger.applications[call.id]))
    return web.json_response(_stored(call.id, await ledger.get(ApplicationEntry, call.id)))


async def add(call: Call) -> web.Response:
    """``POST /applications``: a new one, with an id of its own."""
    entry = await call.body(ApplicationEntry)
    id_ = str(uuid.uuid4())
    await (await call.ledger()).add(id_, entry)
    call.administration.log.info("an application was added", application=id_, by=call.request.remote)
    return web.json_response(_stored(id_, entry), status=201, headers={"Location": f"/applications/{id_}"})


async def change(call: Call) -> web.Response:
    """``PUT /applications/{id}``: all that is said of it, anew."""
    entry = await call.body(ApplicationEntry)
    await (await call.ledger()).change(ApplicationEntry, call.id, lambda old: entry)
    call.administration.log.info("an application was changed", application=call.id, by=call.request.remote)
    return web.json_response(_stored(call.id, entry))


async def remove(call: Call) -> web.Response:
    """``DELETE /applications/{id}``: with its keys and subscriptions."""
    await (await call.ledger()).delete_application(call.id)
    call.administration.log.info("an application was removed", application=call.id, by=call.request.remote)
    return web.Response(status=204)


def _stored(id_: str, entry: ApplicationEntry) -> dict[str, Any]:
    return {"id": id_, **plain(entry, whole=True), "source": "store"}


def _written(id_: str, written: config.Application) -> dict[str, Any]:
    said = {name: getattr(written, name) for name in ("name", "owner", "tenant", "blocked")}
    return {"id": id_, **said, "attributes": dict(written.attributes), "source": "configuration"}
