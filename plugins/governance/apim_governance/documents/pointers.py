"""JSON Pointers (RFC 6901), as references have them behind ``#``."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from apim_sdk.governance import JSONPath

__all__ = ["Link", "NotThere", "closest", "link_of", "parts_of", "path_of", "pointed", "pointer_to"]


Link = tuple[Any, ...]
"""A path whose beginning is shared: the link of the holder, and a name or number; the root's is empty."""
_INDEX: Final = re.compile("[0-9]{1,9}")


class NotThere(LookupError):
    """A path leads to nothing."""


def parts_of(pointer: str) -> tuple[str, ...]:
    """The parts of ``/paths/~1orders``, percent-decoded; of "" none. Raises ValueError for what is no pointer."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON Pointer: it must begin with /")
    return tuple(unquote(part).replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def pointer_to(path: JSONPath) -> str:
    """The pointer to a path, with ``#``."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def pointed(data: Any, part: str | int) -> Any:
    """What stands under a name, or a number of a list. Raises NotThere."""
    if isinstance(data, dict):
        name = str(part)
        if name in data:
            return data[name]
    elif isinstance(data, list):
        number = part if isinstance(part, int) else int(part) if _INDEX.fullmatch(part) else -1
        if 0 <= number < len(data):
            return data[number]
    raise NotThere(part)


def closest(data: Any, path: JSONPath) -> JSONPath:
    """The path as far as it leads to something."""
    for index, part in enumerate(path):
        try:
            data = pointed(data, part)
        except NotThere:
            return path[:index]
    return path


def path_of(link: Link) -> JSONPath:
    """A link as a path."""
    parts: list[str | int] = []
    while link:
        link, part = link
        parts.append(part)
    return tuple(reversed(parts))


def link_of(path: JSONPath) -> Link:
    """A path as a link."""
    link: Link = ()
    for part in path:
        link = (link, part)
    return link
