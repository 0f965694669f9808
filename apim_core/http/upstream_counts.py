"""What an upstream pool counts."""

from __future__ import annotations

import attrs

__all__ = ["UpstreamCounts"]


@attrs.define
class UpstreamCounts:
    """Grow only, but ``open``. Changed by the pool and its connections, read by whoever shows metrics."""

    open: int = 0
    """Connections that are open or being opened now."""
    opened: int = 0
    """Connections that became ready."""
    connect_failures: int = 0
    """Connections that did not."""
    queued: int = 0
    """Exchanges that had to wait for a connection."""
    queue_refused: int = 0
    """Exchanges refused because the queue was full."""
    queue_expired: int = 0
    """Exchanges that waited in vain."""
    retried: int = 0
    """Exchanges sent again after a kept connection turned out to be closed."""
    expired: int = 0
    """Exchanges that passed a time-out."""
    violations: int = 0
    """Answers refused, or bytes without a request."""
    paused: int = 0
    """Times that reading stopped because too much of an answer was held."""
