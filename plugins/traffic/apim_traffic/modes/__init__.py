"""How processes that share a counter store decide: what each mode costs, and how exact it is.

A mode counts the keys of one limit. It is made of ``Parts``: the limit, the counter in the store, the ``Link`` that
says whether the store is there, and what becomes of calls when it is not (``Fallback``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apim_traffic.modes.asynchronous import Asynchronous
from apim_traffic.modes.exact import Exact
from apim_traffic.modes.hybrid import Hybrid
from apim_traffic.modes.lease import Leasing
from apim_traffic.modes.link import Link
from apim_traffic.modes.mode import Mode
from apim_traffic.modes.parts import Parts
from apim_traffic.modes.view import View

__all__ = ["MODES", "Link", "Mode", "Parts", "View", "open_mode"]

MODES: Final[Mapping[str, type[Mode]]] = MappingProxyType(
    {"exact": Exact, "lease": Leasing, "hybrid": Hybrid, "async": Asynchronous}
)
"""The modes, by the word of the configuration."""


def open_mode(name: str, parts: Parts) -> Mode:
    """A counter of that mode; it is closed when the last snapshot that uses it has stopped.

    Where refused calls count, the store has to hear of each: that is ``exact``, whatever the mode.
    """
    return MODES["exact" if parts.limit.count_refused else name](parts)
