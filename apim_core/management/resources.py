"""The routes of resources: what plugins show, and what they work out for a body that is posted."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from apim_core.management.calls import Call, Refusal
from apim_core.resources import Asked

__all__ = ["LARGEST", "as_error", "show"]

LARGEST: Final = 8 * 1024 * 1024
"""Bytes that a body may have."""
_LONGEST: Final = 30.0
"""Seconds that a body may take to arrive."""


async def show(call: Call) -> web.Response:
    """``GET`` and ``POST`` of ``/governance/...``: the answer of the plugin, from a process that serves."""
    request, administration = call.request, call.administration
    method = "GET" if request.method == "HEAD" else request.method
    if method == "GET":
        body = b""
    elif administration.uploads.locked():
        return _busy(Refusal(503, "Too many bodies are being looked at: try again"))
    else:
        async with administration.uploads:
            body = await _body(request)
            return await _asked(call, method, body)
    return await _asked(call, method, body)


async def _asked(call: Call, method: str, body: bytes) -> web.Response:
    request = call.request
    answered = await call.administration.show(
        Asked(
            method,
            tuple(unquote(part) for part in request.rel_url.raw_path[1:].split("/")),
            tuple(request.query.items()),
            request.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            body,
        )
    )
    response = web.Response(status=answered.status, body=answered.body, content_type="application/json")
    return _busy(response) if answered.status == 503 else response


async def _body(request: web.Request) -> bytes:
    """The whole body. Raises Refusal where it is too large or too slow; nothing more of it is read then."""
    too_large = Refusal(413, f"The body may have at most {LARGEST} bytes")
    if (request.content_length or 0) > LARGEST:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_LONGEST):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > LARGEST:
                    raise too_large
    except TimeoutError:
        raise Refusal(408, f"The body must be here within {_LONGEST:g} seconds") from None
    return bytes(body)


def as_error(refusal: Refusal) -> web.Response:
    """A refusal in the shape that resources have: code, message, description."""
    error = {"code": refusal.status, "message": HTTPStatus(refusal.status).phrase, "description": refusal.message}
    return web.json_response(error, status=refusal.status)


def _busy(what: Refusal | web.Response) -> web.Response:
    response = as_error(what) if isinstance(what, Refusal) else what
    response.headers["Retry-After"] = "1"
    return response
