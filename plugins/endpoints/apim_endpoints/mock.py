"""Answer without a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk import Endpoint, Exchange, Headers, Response, Template

__all__ = ["Mock"]

_WITHOUT_CONTENT = frozenset({204, 205, 304})


@attrs.frozen
class Mock(Endpoint):
    """Answers every request itself: an API can be shown, and its policies tried, before its backend exists."""

    example: ClassVar[Any] = {
        "status": 200,
        "headers": {"X-Order": "{{ request.path }}"},
        "body": '{"method": "{{ request.method }}"}',
    }

    status_: int = attrs.field(
        default=200,
        validator=attrs.validators.and_(attrs.validators.ge(200), attrs.validators.le(599)),
    )
    """HTTP status of the answer."""
    headers: Mapping[str, Template] = attrs.field(factory=dict)
    """Header fields of the answer."""
    body: Template | None = None
    """Body of the answer."""
    content_type: str | None = None
    """Media type of the body; without it `application/json`, `application/xml` or `text/plain`, by how it begins."""

    def __attrs_post_init__(self) -> None:
        if self.body is not None and self.status_ in _WITHOUT_CONTENT:
            raise ValueError(f"an answer with status {self.status_} has no body: leave out `body`")

    async def send(self, exchange: Exchange) -> Response:
        headers = Headers((name, value.render(exchange)) for name, value in self.headers.items())
        if self.body is None:
            return Response(self.status_, headers)
        body = self.body.render(exchange)
        if self.content_type is not None:
            headers.set("Content-Type", self.content_type)
        elif "Content-Type" not in headers:
            headers.add("Content-Type", _media_type(body))
        return Response(self.status_, headers, body.encode())


def _media_type(body: str) -> str:
    first = body.lstrip()[:1]
    if first in ("{", "["):
        return "application/json"
    return "application/xml" if first == "<" else "text/plain; charset=utf-8"
