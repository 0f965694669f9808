"""Have messages of streams counted, and log a sample of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

import attrs
from apim_sdk import Context, Duration, Exchange, Logger, Message, Policy, Size, state

__all__ = ["Sample", "WatchMessages"]

_MOST_CONTENT = 2048
"""Characters of a fact that the log keeps."""


def _some_time(instance: Any, attribute: attrs.Attribute[Any], value: Duration | None) -> None:
    if value is not None and value < 0.001:
        raise ValueError("it must be 1ms or longer")


def _not_too_much(instance: Any, attribute: attrs.Attribute[Any], value: Size) -> None:
    if value > _MOST_CONTENT:
        raise ValueError(f"the log keeps at most {_MOST_CONTENT} characters of a fact")


@attrs.frozen
class Sample:
    """Which messages get a line: one of `every`, `interval` and `probability`. All streams of the step count together,
    each process by itself."""

    every: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    """Every nth message, such as 100."""
    interval: Duration | None = attrs.field(default=None, validator=_some_time)
    """The first message in each such time, such as `1s`."""
    probability: float | None = attrs.field(
        default=None, validator=attrs.validators.optional((attrs.validators.gt(0), attrs.validators.le(1)))
    )
    """Each message with this probability, such as 0.01."""
    content: Size = attrs.field(default=Size(0), validator=_not_too_much)
    """How many bytes of the data the line has: text as such, what is binary in hexadecimal. It may hold secrets of your
    users: without it, none."""

    def __attrs_post_init__(self) -> None:
        if sum(each is not None for each in (self.every, self.interval, self.probability)) != 1:
            raise ValueError("name one of `every`, `interval` and `probability`")

    def sampler(self, now: Callable[[], float]) -> Callable[[], bool]:
        """Tells of each message whether it gets a line; ``now`` are seconds of a clock."""
        if self.probability is not None:
            probability = self.probability
            return lambda: random.random() < probability  # noqa: S311  # no secret
        return _each(self.every) if self.every is not None else _in_each(self.interval or 0.0, now)


@attrs.frozen(kw_only=True)
class WatchMessages(Policy):
    """Has the messages of WebSockets and event streams read, so that they are counted.

    Their totals are then in the record of each stream and in the metrics `apim_messages_total` and
    `apim_message_bytes_total`, as with every step that sees messages. Nothing is logged of a message unless `log` says
    so: then a line `a message` with its direction, kind, size, event and the id of its exchange. The log writes at most
    20 of them a second, whatever the sample is.
    """

    example: ClassVar[Any] = {"log": {"interval": "10s"}}

    log: Sample | None = None
    """Which messages get a line in the log; without it, none."""
    _takes: Callable[[], bool] | None = state()
    _log: Logger = state()

    async def start(self, context: Context) -> None:
        if self.log is not None:
            self.hold(_takes=self.log.sampler(context.clock.monotonic), _log=context.log)

    def on_message(self, exchange: Exchange, message: Message) -> None:
        if self._takes is not None and self._takes():
            self._tell(exchange, message)

    def _tell(self, exchange: Exchange, message: Message) -> None:
        assert self.log is not None
        facts: dict[str, Any] = {
            "exchange_id": exchange.id,
            "api": exchange.api.name,
            "direction": message.direction,
            "kind": message.kind,
            "size": len(message.data),
        }
        if message.event:
            facts["name"] = message.event
        if self.log.content:
            data = message.data[: self.log.content]
            facts["content"] = data.hex() if message.kind == "binary" else data.decode(errors="replace")
        self._log.info("a message", **facts)


def _each(every: int) -> Callable[[], bool]:
    seen = 0

    def takes() -> bool:
        nonlocal seen
        seen = (seen + 1) % every
        return not seen

    return takes


def _in_each(interval: float, now: Callable[[], float]) -> Callable[[], bool]:
    due = 0.0

    def takes() -> bool:
        nonlocal due
        moment = now()
        if moment < due:
            return False
        due = moment + interval
        return True

    return takes
