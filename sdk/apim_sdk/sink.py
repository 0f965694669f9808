"""Sinks: they take the records of exchanges, in batches and off the request path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

if TYPE_CHECKING:
    from apim_sdk.record import Record

__all__ = ["Sink"]


class Sink(Plugin):
    """Takes batches of records: a file, a broker, a metrics table."""

    kind: ClassVar[str] = "sink"

    async def write(self, batch: Sequence[Record]) -> None:
        """Take a batch; the next one comes when this returns. A sink that raises loses the batch, which is counted."""
        raise NotImplementedError(f"{type(self).__name__} must define write()")

    @hookimpl
    @classmethod
    def apim_register_sink(cls) -> type[Sink]:
        """Register the class itself."""
        return cls
