"""Actions: what plugins let the management port do to them, such as purging a cache, in every process of the node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

__all__ = ["Act", "Actions", "Outcome", "add_up"]

Arguments = Mapping[str, Any]
Handler = Callable[[Arguments], Awaitable[bool | None]]
Act = Callable[[str, Arguments], Awaitable["Outcome"]]


@attrs.frozen
class Outcome:
    """What came of an action: how many plugin instances carried it out, and why others did not."""

    done: int = 0
    refused: tuple[str, ...] = ()
    """What is wrong with the arguments."""
    failed: tuple[str, ...] = ()
    """What failed; it may have been carried out in part."""


class Actions:
    """The actions of one snapshot."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}

    def offer(self, name: str, handler: Handler) -> None:
        """See ``apim_sdk.Context.offer``."""
        self._handlers.setdefault(name, []).append(handler)

    async def act(self, name: str, arguments: Arguments) -> Outcome:
        """Carry an action out by everything that offers it."""
        outcomes = [await _carry_out(handler, arguments) for handler in self._handlers.get(name, ())]
        return add_up(outcomes)


async def _carry_out(handler: Handler, arguments: Arguments) -> Outcome:
    try:
        concerned = await handler(arguments)
    except ValueError as error:
        return Outcome(refused=(str(error),))
    except OSError as error:
        return Outcome(failed=(str(error),))
    return Outcome(0 if concerned is False else 1)


def add_up(outcomes: list[Outcome]) -> Outcome:
    """Several outcomes as one; the same reason is told once."""
    refused = dict.fromkeys(reason for each in outcomes for reason in each.refused)
    failed = dict.fromkeys(reason for each in outcomes for reason in each.failed)
    return Outcome(sum(each.done for each in outcomes), tuple(refused), tuple(failed))
