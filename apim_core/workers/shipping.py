"""A configuration on its way from the supervisor to its workers.

The supervisor reads and checks files once; the workers build from exactly that. So they cannot disagree, and a worker
that has to be restarted while a broken file lies on the disk starts with the last configuration that was good.
"""

from __future__ import annotations

import copyreg
import io
import pickle

from apim_sdk import Expression, Regex, Template

from apim_core.config import Configuration
from apim_core.config.collecting import collection_paused

__all__ = ["pack", "unpack"]


def _as_source(value: Expression | Template | Regex) -> tuple[type, tuple[str]]:
    """What is compiled travels as its source, and is compiled again where it arrives."""
    return type(value), (value.source,)


def pack(configuration: Configuration) -> bytes:
    """The configuration as bytes, for a process of the same program; they hold its secrets in clear."""
    packed = io.BytesIO()
    pickler = pickle.Pickler(packed, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, Expression: _as_source, Template: _as_source, Regex: _as_source}
    with collection_paused():
        pickler.dump(configuration)
    return packed.getvalue()


def unpack(packed: bytes) -> Configuration:
    """The configuration of what ``pack`` gave."""
    with collection_paused():
        configuration = pickle.loads(packed)  # noqa: S301  # it comes from our own supervisor over a socket pair
    assert isinstance(configuration, Configuration)
    return configuration
