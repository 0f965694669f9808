"""Which header names a policy may change."""

from __future__ import annotations

from typing import Any, Final

import attrs
from apim_sdk import HeaderField

__all__ = ["header_name"]

_FRAMING: Final = frozenset({
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
})  # fmt: skip


def header_name(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    """Refuse what is no header name, and headers that belong to the connection (RFC 9110, section 7.6.1)."""
    HeaderField(value, "")
    if value.lower() in _FRAMING:
        raise ValueError(f"{value!r} belongs to the connection: the gateway sets it, no policy can")
