"""Keys: what stores know them by, and what a process holds of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import date
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from apim_sdk.counting import Key

__all__ = ["Held", "Keys", "text_of"]

_LONGEST: Final = 128
"""Longest text that stays readable in a store."""
_PLAIN: Final = (
    str,
    bytes,
    int,
    float,
    type(None),
    UUID,
    date,
    IPv4Address,
    IPv6Address,
    IPv4Network,
    IPv6Network,
)
"""Types whose values every process writes alike."""


def text_of(key: Key) -> str:
    """The text by which a store knows a key: the same in every process, and another one for another key.

    Raises TypeError for a key whose text could differ from process to process.
    """
    if isinstance(key, str) and len(key) <= _LONGEST and key.isascii() and key.isprintable() and key[:1] != "#":
        return key
    text = _written(key)
    if len(text) <= _LONGEST and text.isascii():
        return f"#{text}"
    return "##" + blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()


def _written(key: Key) -> str:
    if isinstance(key, tuple):
        return f"({','.join(map(_written, key))})"
    if isinstance(key, frozenset):
        return f"{{{','.join(sorted(map(_written, key)))}}}"
    if isinstance(key, _PLAIN):
        return repr(key)
    raise TypeError(f"{key!r:.80} is no key for a counter store: make it of texts, bytes, numbers and tuples of them")


class Held(Protocol):
    """What a process holds of a key."""

    def idle(self, now: float) -> bool:
        """Whether it is as good as nothing."""


State = TypeVar("State", bound=Held)


class Keys(Generic[State]):
    """States of at most ``size`` keys; ``len`` tells how many.

    Like the tables of the SDK: each new key looks at two of the oldest, idle ones leave, others go to the end. Where
    all are in use, the oldest is forgotten, of which ``forgot`` is told.
    """

    __slots__ = ("_forgot", "_order", "_size", "_states", "get")

    def __init__(self, size: int, forgot: Callable[[], None]) -> None:
        self._size = size
        self._forgot = forgot
        self._states: dict[Key, State] = {}
        self._order: deque[Key] = deque()
        self.get = self._states.get

    def __len__(self) -> int:
        return len(self._states)

    def enter(self, key: Key, state: State, now: float) -> None:
        """Hold the state of a key that is new."""
        states, order = self._states, self._order
        for _ in range(min(2, len(order))):
            oldest = order.popleft()
            if states[oldest].idle(now):
                del states[oldest]
            elif len(states) < self._size:
                order.append(oldest)
            else:
                del states[oldest]
                self._forgot()
        states[key] = state
        order.append(key)
