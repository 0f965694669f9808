"""Where operations and messages stand in documents of AsyncAPI 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apim_sdk.governance import JSONPath

__all__ = ["messages_of", "operations_of"]

Placed = tuple[JSONPath, dict[str, Any]]


def operations_of(document: Any) -> Iterator[Placed]:
    """The operations of all channels, those that subscribe first, with their paths."""
    channels = document.get("channels") if isinstance(document, dict) else None
    if not isinstance(channels, dict):
        return
    for address, channel in channels.items():
        if not isinstance(channel, dict):
            continue
        for kind in ("subscribe", "publish"):
            operation = channel.get(kind)
            if isinstance(operation, dict):
                yield ("channels", address, kind), operation


def messages_of(document: Any) -> Iterator[Placed]:
    """The messages of all operations, with their paths."""
    for path, operation in operations_of(document):
        message = operation.get("message")
        if not isinstance(message, dict):
            continue
        choices = message.get("oneOf")
        if not isinstance(choices, list):
            yield (*path, "message"), message
            continue
        for index, choice in enumerate(choices):
            if isinstance(choice, dict):
                yield (*path, "message", "oneOf", index), choice
