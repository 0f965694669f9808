"""A configuration on its way from the supervisor to its workers.

The supervisor reads and checks files once; the workers build from exactly that. So they cannot disagree, and a worker
that has to be restarted while a broken file lies on the disk starts with the last configuration that was good.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from apim_sdk import Expression, Regex, Template

from apim_core.config import Configuration

__all__ = ["pack", "unpack"]


class _Packer(pickle.Pickler):
    """What is compiled travels as its source, and is compiled again where it arrives."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Expression | Template | Regex):
            return type(value), (value.source,)
        return NotImplemented


def pack(configuration: Configuration) -> bytes:
    """The configuration as bytes, for a process of the same program; they hold its secrets in clear."""
    packed = io.BytesIO()
    _Packer(packed, pickle.HIGHEST_PROTOCOL).dump(configuration)
    return packed.getvalue()


def unpack(packed: bytes) -> Configuration:
    """The configuration of what ``pack`` gave."""
    configuration = pickle.loads(packed)  # noqa: S301  # it comes from our own supervisor over a socket pair
    assert isinstance(configuration, Configuration)
    return configuration
