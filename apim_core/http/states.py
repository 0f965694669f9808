"""Where a client connection stands.

What moves it from one state to another:

    HEAD    a head is awaited or arriving     -> BODY, ANSWER (handler starts), NEXT, LINGER (refused), CLOSED
    BODY    handler at work, body arriving    -> ANSWER (body complete), DRAIN (answered first), LINGER
    ANSWER  handler at work, body complete    -> HEAD or NEXT (answered), TUNNEL (101), LINGER (not kept alive)
    NEXT    answered; what came meanwhile waits here, for its turn and for a client that takes its answers -> HEAD
    DRAIN   answered; rest of body discarded  -> HEAD, NEXT, LINGER
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
    NEXT = auto()
    DRAIN = auto()
    TUNNEL = auto()
    LINGER = auto()
    CLOSED = auto()
