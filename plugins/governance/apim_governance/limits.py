"""Bounds of what others may have linted here."""

from __future__ import annotations

import attrs
from apim_sdk.fields import Duration, Size

__all__ = ["PostedLimits"]

_LARGEST = Size("8MiB")
_LONGEST = Duration("20s")


def _size(instance: object, attribute: attrs.Attribute[Size], value: Size) -> None:
    if not 0 < value <= _LARGEST:
        raise ValueError(f"a posted document may have from 1B to {_LARGEST}, which is what the management port takes")


def _timeout(instance: object, attribute: attrs.Attribute[Duration], value: Duration) -> None:
    if not 0 < value <= _LONGEST:
        raise ValueError(f"linting a posted document may take at most {_LONGEST}")


def _memory(instance: object, attribute: attrs.Attribute[Size], value: Size) -> None:
    if value < Size("128MiB"):
        raise ValueError("a process that lints needs 128MiB or more")


@attrs.frozen
class PostedLimits:
    """Bounds of documents that are posted to be linted; each is linted in a process of its own."""

    size: Size = attrs.field(default=Size("4MiB"), validator=_size)
    """Largest document; 413. At most 8MiB."""
    timeout: Duration = attrs.field(default=Duration("10s"), validator=_timeout)
    """How long linting it may take; 422. At most 20s."""
    memory: Size = attrs.field(default=Size("512MiB"), validator=_memory)
    """How much memory the process may have; 422."""
    at_once: int = attrs.field(default=1, validator=attrs.validators.in_(range(9)))
    """How many are linted at a time, the next are refused with 503; with 0, none is."""
