"""Count what the gateway answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Record, Sink, Status, state

__all__ = ["MyPlugin"]


@attrs.frozen
class MyPlugin(Sink):
    """Counts answers by API and class of status (`2xx`, `4xx` ...), as a metric on the management port."""

    status = Status.EXPERIMENTAL
    example: ClassVar[Any] = {"metric": "answers_by_class"}

    metric: str = "answers_by_class"
    """Name of the metric."""
    _count: Callable[..., None] = state()

    async def start(self, context: Context) -> None:
        self.hold(_count=context.metrics.counter(self.metric, "Answers by class of status", ("api", "class")))

    async def write(self, batch: Sequence[Record]) -> None:
        for record in batch:
            self._count(record.api or "none", f"{record.status // 100}xx")
