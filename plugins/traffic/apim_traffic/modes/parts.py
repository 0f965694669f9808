"""What a mode is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
from apim_sdk import Clock, Limit
from apim_sdk.counters import SharedCounter

from apim_traffic.modes.link import Link

__all__ = ["Parts"]


@attrs.frozen(kw_only=True)
class Parts:
    """A limit, where it is counted, and what becomes of calls when it cannot be."""

    limit: Limit
    counter: SharedCounter
    link: Link
    clock: Clock
    timeout: float
    """Seconds that a question to the store may take."""
    sync_interval: float
    """Seconds between what ``async`` tells the store, and for which ``hybrid`` keeps what it does not use."""
    max_keys: int
    on_store_error: Literal["closed", "open", "local"]
    forgot: Callable[[], None]
    """Told of each key in use that had to go."""
    undecided: Callable[[], None]
    """Told of each call that went by ``on_store_error``."""
