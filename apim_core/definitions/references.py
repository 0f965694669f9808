"""References inside a document: ``$ref: "#/components/pathItems/orders"``."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from apim_core.config import pointers

__all__ = ["UnresolvedReference", "resolve"]

_LONGEST_CHAIN: Final = 16


class UnresolvedReference(ValueError):
    """A reference that leads nowhere. ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def resolve(document: Any, reference: Any) -> tuple[Any, str]:
    """What a reference stands for, and its JSON Pointer; a reference to a reference is followed.

    Raises UnresolvedReference for one that leaves the document, names nothing or leads to itself.
    """
    for _ in range(_LONGEST_CHAIN):
        if not isinstance(reference, str):
            raise UnresolvedReference("a $ref must be text", 'write "#/components/..."')
        if not reference.startswith("#"):
            message = f"{reference!r} is another document, and those are not read"
            raise UnresolvedReference(message, "bundle the documents into one")
        pointer = unquote(reference[1:])
        target = _follow(document, pointer, reference)
        if not (isinstance(target, dict) and "$ref" in target):
            return target, pointer
        reference = target["$ref"]
    raise UnresolvedReference(f"{reference!r} leads through more than {_LONGEST_CHAIN} references", "remove the loop")


def _follow(document: Any, pointer: str, reference: str) -> Any:
    place = document
    try:
        for segment in pointers.split(pointer):
            place = place[int(segment)] if isinstance(place, list) else place[segment]
    except (KeyError, IndexError, ValueError, TypeError):
        raise UnresolvedReference(f"{reference!r} names nothing in this document", "correct the reference") from None
    return place
