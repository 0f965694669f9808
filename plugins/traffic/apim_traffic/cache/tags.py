"""Tags, by which a backend names what is in an answer, so that all of it can be purged together."""

from __future__ import annotations

import re
from typing import Final

from apim_sdk import Headers

__all__ = ["take_tags"]

_FIELDS: Final = (b"cache-tag", b"surrogate-key")
_BETWEEN: Final = re.compile(r"[,\s]+")
_MOST: Final = 100
_LONGEST: Final = 256


def take_tags(headers: Headers) -> tuple[str, ...] | None:
    """The tags of an answer, which are the gateway's business and go no further; None where they are too many."""
    tags: dict[str, None] = {}
    for field in _FIELDS:
        if field in headers.index:
            for value in headers.values_of(field):
                tags.update(dict.fromkeys(filter(None, _BETWEEN.split(value.decode("latin-1")))))
            headers.discard(field)
    if len(tags) > _MOST or any(len(tag) > _LONGEST for tag in tags):
        return None
    return tuple(tags)
