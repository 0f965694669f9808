"""JSON Pointers (RFC 6901): the way to name one place in a document."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["child", "join", "parent", "split"]


def child(pointer: str, segment: str | int) -> str:
    """The pointer to ``segment`` (a key or an index) of what ``pointer`` names."""
    if isinstance(segment, str) and ("~" in segment or "/" in segment):
        segment = segment.replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{segment}"


def join(segments: Iterable[str | int]) -> str:
    """The pointer that passes through ``segments`` from the root; no segments name the whole document."""
    pointer = ""
    for segment in segments:
        pointer = child(pointer, segment)
    return pointer


def split(pointer: str) -> tuple[str, ...]:
    """The segments of a pointer, unescaped. Raises ValueError when it neither is empty nor begins with a slash."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer: it must be empty or begin with '/'")
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in pointer[1:].split("/"))


def parent(pointer: str) -> str:
    """The pointer to what holds the place that ``pointer`` names; the root's parent is the root."""
    return pointer.rpartition("/")[0]
