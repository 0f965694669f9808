"""How long to wait before a call is tried again."""

from __future__ import annotations

import random
from datetime import UTC
from email.utils import parsedate_to_datetime

import attrs
from apim_sdk import Clock, Response

__all__ = ["BackOff"]


@attrs.frozen
class BackOff:
    """Exponential back-off with full jitter: before the n-th retry, any time up to ``first`` * 2**n seconds, and never
    more than ``longest``; but not less than what the backend asks for by Retry-After."""

    first: float
    longest: float
    clock: Clock

    def delay(self, retries: int, response: Response | None) -> float:
        """Seconds to wait after ``retries`` of them and this answer, if there was one."""
        jittered = random.uniform(0, min(self.first * 2**retries, self.longest))  # noqa: S311  # spreads, hides nothing
        return max(jittered, self._asked(response))

    def _asked(self, response: Response | None) -> float:
        """What Retry-After says (RFC 9110, section 10.2.3), in seconds from now; 0 where it says nothing."""
        value = response.headers.get("Retry-After") if response is not None else None
        if value is None:
            return 0.0
        if value.isascii() and value.isdigit():
            return float(value[:10])
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return 0.0
        return max(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - self.clock.now(), 0.0)
