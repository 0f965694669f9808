"""Answer with what was asked."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import attrs
from apim_sdk import Endpoint, Exchange, Headers, Response, Status

__all__ = ["MyPlugin"]


@attrs.frozen
class MyPlugin(Endpoint):
    """Answers every request with a greeting and what was asked, as JSON."""

    status = Status.EXPERIMENTAL
    example: ClassVar[Any] = {"greeting": "hello"}

    greeting: str = "hello"
    """What the answer begins with."""

    async def send(self, exchange: Exchange) -> Response:
        request = exchange.request
        content = await request.body.read()
        answer = {
            "greeting": self.greeting,
            "method": request.method,
            "path": exchange.endpoint_path,
            "bytes": len(content),
        }
        return Response(200, Headers([("Content-Type", "application/json")]), json.dumps(answer).encode())
