"""Counts messages of streams: for the record of each, and for the metrics of the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import attrs
from apim_sdk.context import Metrics
from apim_sdk.exchange import API
from apim_sdk.streams import Direction

__all__ = ["NO_METER", "Meter", "Meters", "Outcome", "no_meters", "open_meters"]

Outcome = Literal["passed", "refused", "dropped", "closed", "failed"]
"""What became of a message; ``closed`` is one at which a policy ended the stream, ``failed`` one at which it raised."""
MOST_APIS: Final = 10_000
"""APIs and versions that the metrics of a process tell apart; those that come later are counted as ``other``."""


@attrs.frozen
class Meter:
    """Counts the messages of an API; it tells them apart by few words, never by what a client chose."""

    count: Callable[[Direction, Outcome], None]
    count_bytes: Callable[[Direction, int], None]


Meters = Callable[[API | None], Meter]
"""The meter of an API."""
NO_METER: Final = Meter(lambda direction, outcome: None, lambda direction, size: None)
"""Counts nothing."""


def no_meters(api: API | None) -> Meter:
    """The meter that counts nothing, whatever the API."""
    return NO_METER


def open_meters(metrics: Metrics) -> Meters:
    """The meters of a process. They outlive configurations, as its metrics do."""
    labels = ("api", "version", "direction")
    messages = metrics.counter("apim_messages", "Messages of streams that policies see", (*labels, "outcome"))
    size = metrics.counter("apim_message_bytes", "Bytes of data of messages that passed", labels)
    known: dict[tuple[str, str], Meter] = {}

    def made(name: str, version: str) -> Meter:
        return Meter(
            lambda direction, outcome: messages(name, version, direction, outcome),
            lambda direction, amount: size(name, version, direction, amount=amount),
        )

    others = made("other", "")

    def meter_of(api: API | None) -> Meter:
        place = ("", "") if api is None else (api.name, api.version)
        meter = known.get(place)
        if meter is None:
            if len(known) >= MOST_APIS:
                return others
            meter = known[place] = made(*place)
        return meter

    return meter_of
