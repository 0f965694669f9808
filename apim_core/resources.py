"""Resources: what plugins show at the management port, found by method and path, answered by one process of a node."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import attrs
from apim_sdk.context import Logger
from apim_sdk.resources import Resource, ResourceError, ResourceRequest

__all__ = ["Answered", "Asked", "PluginResources", "Show", "refused", "unserved"]


@attrs.frozen
class Asked:
    """A request to a resource. ``path`` is its parts, decoded, that of the plugin's kind first."""

    method: str
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    body: bytes = attrs.field(default=b"", repr=False)

    def packed(self) -> bytes:
        """For a process of the same program: a line of JSON, and the body."""
        head = [self.method, self.path, self.query, self.content_type]
        return json.dumps(head).encode() + b"\n" + self.body

    @classmethod
    def unpacked(cls, packed: bytes) -> Asked:
        """What ``packed`` gave."""
        head, _, body = packed.partition(b"\n")
        method, path, query, content_type = json.loads(head)
        return cls(method, tuple(path), tuple((name, value) for name, value in query), content_type, body)


@attrs.frozen
class Answered:
    """The status, and the body, which is JSON."""

    status: int
    body: bytes = attrs.field(repr=False)


Show = Callable[[Asked], Awaitable[Answered]]


def refused(status: int, description: str, message: str | None = None, code: int | None = None) -> Answered:
    """An error in the shape that all resources have."""
    message = HTTPStatus(status).phrase if message is None else message
    error = {"code": status if code is None else code, "message": message, "description": description}
    return Answered(status, json.dumps(error).encode())


async def unserved(asked: Asked) -> Answered:
    """The answer where nothing has resources."""
    return refused(404, "Nothing in the configuration shows anything here")


class PluginResources:
    """The resources of one snapshot; ``mounted`` are those of plugins by the first part of their path."""

    def __init__(self, mounted: Mapping[str, Iterable[Resource]], log: Logger) -> None:
        self._log = log
        self._routes = [
            ((mount, *resource.path[1:].split("/")), resource)
            for mount, listed in mounted.items()
            for resource in listed
        ]

    async def answer(self, asked: Asked) -> Answered:
        """The answer of the resource that is meant, or why there is none."""
        fitting = [
            (resource, parts) for path, resource in self._routes if (parts := _parts(path, asked.path)) is not None
        ]
        if not fitting:
            return await unserved(asked)
        for resource, parts in fitting:
            if resource.method == asked.method:
                return await self._answered(resource, parts, asked)
        methods = ", ".join(sorted({resource.method for resource, _ in fitting}))
        return refused(405, f"There is only {methods} here")

    async def _answered(self, resource: Resource, parts: Mapping[str, str], asked: Asked) -> Answered:
        query = dict(asked.query)
        for name in query:
            if name not in resource.query:
                known = ", ".join(resource.query) or "none"
                return refused(400, f"No query parameter is named {name[:80]!r}; there are: {known}")
        if len(query) < len(asked.query):
            return refused(400, "A query parameter is there twice")
        try:
            value = await resource.answer(ResourceRequest(parts, query, asked.content_type, asked.body))
            return Answered(200, json.dumps(value).encode())
        except ResourceError as error:
            return refused(error.status, error.description, error.message, error.code)
        except OSError as error:
            self._log.warning("a resource cannot be shown", path="/".join(asked.path), reason=str(error))
            return refused(503, "What this is read from is away: try again")
        except Exception as error:
            self._log.error("a resource failed", path="/".join(asked.path), exc_info=error)
            return refused(500, "It failed: the log says why")


def _parts(path: tuple[str, ...], asked: tuple[str, ...]) -> dict[str, Any] | None:
    """What stands for the names of a path; None where it is another."""
    if len(path) != len(asked) or not all(asked):
        return None
    parts = {}
    for expected, part in zip(path, asked, strict=True):
        if expected.startswith("{"):
            parts[expected[1:-1]] = part
        elif expected != part:
            return None
    return parts
