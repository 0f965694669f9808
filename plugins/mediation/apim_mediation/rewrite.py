"""Change the path and query that the endpoint gets."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import quote

import attrs
from apim_sdk import Exchange, Policy, Template

__all__ = ["Rewrite"]

_IN_PATH: Final = "/%:@!$&'()*+,;=~"
_IN_QUERY: Final = _IN_PATH + "?"
"""What may stand in a path and in a query as it is (RFC 3986, sections 3.3 and 3.4); the rest is percent-encoded."""


def _rooted(instance: Any, attribute: attrs.Attribute[Any], value: Template | None) -> None:
    if value is not None and not value.source.startswith(("/", "{{")):
        raise ValueError(f"{value.source!r} must begin with '/'")
    if value is not None and value.constant is not None and "?" in value.constant:
        raise ValueError(f"{value.source!r} holds a '?': the query stands under `query`")


@attrs.frozen
class Rewrite(Policy):
    """Changes the path, the query or both that the endpoint gets.

    The path is appended to the endpoint's URL, in the place of what followed the API's context. Characters that would
    end it, such as a `?` in a value, are percent-encoded.
    """

    example: ClassVar[Any] = {"path": "/v2{{ request.path }}"}

    path: Template | None = attrs.field(default=None, validator=_rooted)
    """The new path."""
    query: Template | None = None
    """The new query, without `?`; empty to send none. Without it, the client's query stays."""

    def __attrs_post_init__(self) -> None:
        if self.path is None and self.query is None:
            raise ValueError("say what to rewrite: `path`, `query` or both")

    def on_request(self, exchange: Exchange) -> None:
        path = None if self.path is None else self.path.render(exchange)
        query = None if self.query is None else self.query.render(exchange)
        if path is not None:
            exchange.endpoint_path = quote(path if path.startswith("/") else f"/{path}", _IN_PATH)
        if query is not None:
            exchange.request.query_string = quote(query, _IN_QUERY)
