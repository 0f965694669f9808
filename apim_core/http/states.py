"""Where a client connection stands.

What moves it from one state to another:

    HEAD    a head is awaited or arriving     -> BODY, ANSWER (handler starts), LINGER (refused), CLOSED
    BODY    handler at work, body arriving    -> ANSWER (body complete), DRAIN (answered first), LINGER
    ANSWER  handler at work, body complete    -> HEAD (answered), TUNNEL (101), LINGER (not kept alive)
    DRAIN   answered; rest of body discarded  -> HEAD, LINGER
    TUNNEL  bytes are relayed both ways       -> LINGER
    LINGER  last answer written; input is discarded until the client closes or its time is up -> CLOSED
    CLOSED  nothing more                      (every state -> CLOSED when the client goes; the handler is cancelled)
"""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["State"]


class State(Enum):
    """Where a connection stands; the module has the table."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    DRAIN = auto()
    TUNNEL = auto()
    LINGER = auto()
    CLOSED = auto()
