"""Where counts live that several processes share."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import ClassVar, Final, Literal, Protocol

from apim_sdk.context import Metrics
from apim_sdk.counting import Grant, Limit
from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["CounterMetrics", "CounterStore", "SharedCounter"]

_LATENCIES: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class SharedCounter(Protocol):
    """One limit in a store, with all its keys: texts of at most 512 characters.

    Each call is a question to the store, which many callers may ask at once; the store sends them together. The store
    goes by its own clock. Each raises OSError (ConnectionError, TimeoutError) where the store is away, and then it is
    not known whether units were taken.
    """

    def grant(self, key: str, least: int, most: int) -> Awaitable[Grant]:
        """Take as many units as there are, up to ``most``; none if there are fewer than ``least``."""

    def settle(self, key: str, units: int) -> Awaitable[Grant]:
        """Take ``units`` more, whether they are there or not; negative ones are given back. Answers how the key stands.

        0 asks how it stands.
        """

    def reset(self, key: str) -> Awaitable[None]:
        """Make the key as good as new."""


class CounterStore(Plugin):
    """Counts for whoever uses the same store. What it counts agrees with the tables of ``apim_sdk.counting``."""

    kind: ClassVar[str] = "counter store"
    shared_by: ClassVar[Literal["node", "network"]] = "network"
    """Who counts together: the processes of one machine, or all that reach the server."""

    def counter(self, name: str, limit: Limit) -> SharedCounter:
        """The counter of a limit. Those of the same name and the same way to count (algorithm, window) are the same
        counter: how many units there are may differ, and counts go on when that changes."""
        raise NotImplementedError(f"{type(self).__name__} must define counter()")

    async def members(self) -> int:
        """How many processes count with this store now, this one included. Raises OSError where it is away."""
        raise NotImplementedError(f"{type(self).__name__} must define members()")

    @hookimpl
    @classmethod
    def apim_register_counter_store(cls) -> type[CounterStore]:
        """Register the class itself."""
        return cls


class CounterMetrics:
    """What every counter store shows, under its name: answers, failures, how long a batch took and how large it was."""

    def __init__(self, metrics: Metrics, store: str) -> None:
        self._store = store
        self._count = metrics.counter("apim_counter_decisions", "Answers of counter stores", ["store"])
        self._fail = metrics.counter("apim_counter_errors", "What went wrong with counter stores", ["store", "error"])
        self._seconds = metrics.histogram(
            "apim_counter_seconds", "How long a batch of questions took", ["store"], buckets=_LATENCIES
        )
        self._batch = metrics.histogram(
            "apim_counter_batch", "How many questions went together", ["store"], buckets=_BATCHES
        )

    def answered(self, questions: int, seconds: float) -> None:
        """A batch of questions was answered."""
        self._count(self._store, amount=questions)
        self._seconds(seconds, self._store)
        self._batch(questions, self._store)

    def failed(self, error: str, times: int = 1) -> None:
        """Something went wrong: ``error`` is one of few words, such as ``timeout`` or ``away``."""
        self._fail(self._store, error, amount=times)
