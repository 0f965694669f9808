"""What a router is built of and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

__all__ = ["DuplicateRoutesError", "Match", "NotAllowed", "Route"]

T = TypeVar("T")

Match: TypeAlias = tuple[T, Mapping[str, str]]
"""The target of the operation that matched, and the values of its path parameters, percent-decoded.

What a last ``/*`` took stands under ``*`` as it came, still percent-encoded: decoding several segments at once would
make an encoded character of one look like a boundary between two.
"""


@attrs.frozen
class Route(Generic[T]):
    """One operation of an API, in the place where it answers.

    ``hosts`` are exact names or ``*.example.com`` (one or more labels in the place of the star), none for any host;
    ``context`` is ``/`` or like ``/orders/1.0``; ``method`` is a verb or ``*``; ``template`` follows the context:
    ``/orders/{id}``, ``/reports/{name}.pdf``, ``/files/*``.
    """

    hosts: tuple[str, ...]
    context: str
    method: str
    template: str
    target: T

    @property
    def label(self) -> str:
        """``GET /orders/1.0/orders/{id}``"""
        return f"{self.method} {self.context.rstrip('/')}{self.template}"


@attrs.frozen
class NotAllowed(Generic[T]):
    """The path is known, the method is not (RFC 9110, section 15.5.6).

    ``allowed`` are the methods that would match, sorted, with HEAD wherever GET is there; ``targets`` the operations
    of this path, the most specific first.
    """

    allowed: tuple[str, ...]
    targets: tuple[T, ...]


class DuplicateRoutesError(ValueError):
    """Routes that no request can tell apart: same host, context, method and shape of template.

    ``pairs`` holds each such route behind the first one that it equals.
    """

    def __init__(self, pairs: tuple[tuple[Route[Any], Route[Any]], ...]) -> None:
        self.pairs = pairs
        shown = "; ".join(f"{second.label} is the same as {first.label}" for first, second in pairs[:5])
        more = f"; and {len(pairs) - 5} more" if len(pairs) > 5 else ""
        super().__init__(f"{shown}{more}: remove one of each pair, or give it another context or host")
