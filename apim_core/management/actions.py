"""The route of actions: what plugins let be done to them."""

from __future__ import annotations

from aiohttp import web

from apim_core.management.calls import Call, Refusal

__all__ = ["carry_out"]


async def carry_out(call: Call) -> web.Response:
    """``POST /actions/{id}``: carry an action out in every process, by each plugin instance that offers it."""
    name = call.id
    arguments = await call.members()
    outcome = await call.administration.act(name, arguments)
    if outcome.refused:
        raise Refusal(400, "; ".join(outcome.refused))
    if outcome.failed:
        raise Refusal(503, f"Not carried out everywhere, try again: {'; '.join(outcome.failed)}")
    if not outcome.done:
        raise Refusal(404, f"Nothing in the configuration offers the action {name!r}, or is what it names")
    call.administration.log.info("an action was carried out", action=name, by=call.request.remote, done=outcome.done)
    return web.json_response({"action": name, "done": outcome.done})
