"""Entries as bytes, for a store."""

from __future__ import annotations

import json
import struct
from typing import Any, Final

from apim_sdk import Headers

from apim_traffic.cache.entry import Entry

__all__ = ["decode", "encode"]

_LENGTH: Final = struct.Struct(">I")
_TIMES: Final = ("born", "fresh_until", "stale_while_until", "stale_if_until", "kept_until")


def encode(entry: Entry, generation: str) -> bytes:
    """The entry and the generation of its URL: a head in JSON with its length in front, and the body."""
    head = {
        "generation": generation,
        "status": entry.status,
        "reason": entry.reason,
        "headers": [[_text(name), _text(value)] for name, value in entry.headers.raw()],
        "selecting": [[_text(name), None if value is None else _text(value)] for name, value in entry.selecting],
        "stale_allowed": entry.stale_allowed,
        "tags": entry.tags,
        "marks": entry.marks,
        **{name: getattr(entry, name) for name in _TIMES},
    }
    data = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(data)), data, entry.body))


def decode(data: bytes) -> tuple[Entry, str]:
    """The entry and its generation. Raises ValueError where the bytes are none."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        head: dict[str, Any] = json.loads(data[4 : 4 + length])
        entry = Entry(
            int(head["status"]),
            head["reason"],
            Headers((str(name), str(field)) for name, field in head["headers"]),
            data[4 + length :],
            selecting=tuple(
                (_bytes(name), None if value is None else _bytes(value)) for name, value in head["selecting"]
            ),
            stale_allowed=bool(head["stale_allowed"]),
            tags=tuple(map(str, head["tags"])),
            marks=tuple((str(subject), str(mark)) for subject, mark in head["marks"]),
            **{name: float(head[name]) for name in _TIMES},
        )
        return entry, str(head["generation"])
    except (struct.error, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no entry of a cache: {error!r}") from error


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")
