"""Follow a store over its interruptions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final

from apim_sdk import Batch, Logger

__all__ = ["follow_on"]

_FIRST_WAIT: Final = 0.1
"""Seconds until the first new attempt; each one doubles them,"""
_LONGEST_WAIT: Final = 1.0
"""but not past these."""


async def follow_on(follow: Callable[[], AsyncGenerator[Batch, None]], log: Logger) -> AsyncIterator[Batch]:
    """The batches of ``follow``, which is begun again where it raises OSError in the midst.

    An OSError before the first batch is raised: the store was away to begin with.
    """
    begun, wait = False, _FIRST_WAIT
    while True:
        try:
            async with aclosing(follow()) as batches:
                async for batch in batches:
                    begun, wait = True, _FIRST_WAIT
                    yield batch
        except OSError as error:
            if not begun:
                raise
            log.warning("A store is away; changes are not seen until it is back", error=str(error))
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  # spreads attempts, hides nothing
        wait = min(2 * wait, _LONGEST_WAIT)
