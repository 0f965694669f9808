"""Counts messages of streams: for the record of each, and for the metrics of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import attrs
from apim_sdk.context import Metrics
from apim_sdk.streams import Direction

__all__ = ["NO_METER", "Meter", "Outcome", "open_meter"]

Outcome = Literal["passed", "refused", "dropped", "closed", "failed"]
"""What became of a message; ``closed`` is one at which a policy ended the stream, ``failed`` one at which it raised."""


@attrs.frozen
class Meter:
    """The metrics of a process; what it counts is told apart by few words, never by what a client chose."""

    count: Callable[[Direction, Outcome], None]
    count_bytes: Callable[[Direction, int], None]


NO_METER: Final = Meter(lambda direction, outcome: None, lambda direction, size: None)
"""Counts nothing."""


def open_meter(metrics: Metrics) -> Meter:
    """The meter of a process."""
    messages = metrics.counter("apim_messages", "Messages of streams that policies see", ("direction", "outcome"))
    size = metrics.counter("apim_message_bytes", "Bytes of data of messages that passed", ("direction",))
    return Meter(messages, lambda direction, amount: size(direction, amount=amount))
