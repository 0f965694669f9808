"""Resources: what a plugin shows at the management port, to those who present the management token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import attrs

__all__ = ["Resource", "ResourceError", "ResourceRequest"]


class ResourceError(Exception):
    """Why a request gets no answer, told as ``{code, message, description}``; ``code`` is the status if none is given.

    ``status`` is 400 or above. Raise it from a resource.
    """

    def __init__(self, status: int, message: str, description: str, code: int | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.message = message
        self.description = description
        self.code = status if code is None else code


@attrs.frozen
class ResourceRequest:
    """What is asked of a resource. Nothing of it has been checked, but the names in the query."""

    parts: Mapping[str, str] = attrs.field(factory=dict)
    """What stands for the ``{names}`` of the path, decoded; never empty."""
    query: Mapping[str, str] = attrs.field(factory=dict)
    """Query parameters; each is there once."""
    content_type: str = ""
    """The media type of the body, in lower case, without parameters; empty where none is said."""
    body: bytes = attrs.field(default=b"", repr=False)
    """The whole body, bounded by the core."""


def _path(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.startswith("/") or not all(value[1:].split("/")):
        raise ValueError(f"a resource has a path that begins with a slash, and without empty parts, unlike {value!r}")


@attrs.frozen
class Resource:
    """One method of one path, below the one that the core has for the plugin's kind.

    ``answer`` gives the JSON value of a 200. It runs on the event loop of a process that serves requests, so it must
    not take long: what computes goes to another process. It raises ResourceError to refuse, OSError where a store or a
    peer is away (503); anything else is a fault of the plugin (500), logged.
    """

    path: str = attrs.field(validator=_path)
    """``/scoring/apis/{id}``: a part in braces stands for any one part."""
    answer: Callable[[ResourceRequest], Awaitable[Any]]
    method: Literal["GET", "POST"] = "GET"
    query: tuple[str, ...] = ()
    """Names that query parameters may have; others are refused."""
