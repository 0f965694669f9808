"""Messages of a stream: of a WebSocket (RFC 6455), or events of a Server-Sent Events answer (WHATWG HTML, 9.2).

A policy that has ``on_message`` sees each. To let it pass it does nothing; to change it, it sets ``data``; otherwise
it raises

* ``Reject``: the message is refused. The client of a WebSocket is told so in a text message, and the stream goes on;
  a stream of events ends.
* ``Drop``: the message goes no further, and nobody is told.
* ``Close``: the stream ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from apim_sdk.errors import Fault

__all__ = ["Close", "Direction", "Drop", "Message", "MessageKind", "MessageTotals"]

Direction = Literal["to_backend", "to_client"]
MessageKind = Literal["text", "binary", "event"]

_LONGEST_REASON = 123
"""Bytes of the reason of a closing frame (RFC 6455, section 5.5): 125, of which the code takes two."""
_RESERVED_CODES = frozenset((1004, 1005, 1006))


class Message:
    """One message on its way; policies change it one after the other.

    ``direction`` says where it goes. ``kind`` is ``text`` (``data`` is UTF-8) or ``binary`` of a WebSocket, ``event``
    of an event stream; ``data`` is then what stood in its ``data`` lines, joined by line feeds. ``event`` is the
    event's type, empty for the usual one; ``id`` and ``retry`` (milliseconds) are None where the event does not say.
    """

    __slots__ = ("_refused", "data", "direction", "event", "id", "kind", "retry")

    def __init__(
        self,
        direction: Direction,
        kind: MessageKind,
        data: bytes,
        *,
        event: str = "",
        id: str | None = None,  # noqa: A002  # the standard's word
        retry: int | None = None,
    ) -> None:
        self.direction = direction
        self.kind = kind
        self.data = data
        self.event = event
        self.id = id
        self.retry = retry
        self._refused: list[Callable[[Fault], Any]] | None = None

    @property
    def text(self) -> str:
        """The data as text; what is not UTF-8 is replaced by U+FFFD."""
        return self.data.decode(errors="replace")

    @text.setter
    def text(self, text: str) -> None:
        self.data = text.encode()

    def if_refused(self, callback: Callable[[Fault], Any]) -> None:
        """Have ``callback`` called with the fault, and awaited if it answers an awaitable, if a later policy refuses
        the message with ``Reject``: for what is to be undone then."""
        if self._refused is None:
            self._refused = [callback]
        else:
            self._refused.append(callback)

    def __repr__(self) -> str:
        return f"<Message {self.kind} {self.direction} of {len(self.data)} bytes>"


class MessageTotals:
    """What became of the messages of a stream so far; final when its exchange is over.

    ``stream`` is ``websocket`` or ``events``, empty while there is none. ``received`` counts the messages of the client
    that went on to the backend, ``sent`` those that went on to the client, ``bytes_received`` and ``bytes_sent`` the
    bytes of their data. What a policy refused or dropped, either way, is counted there instead. ``closed_by`` names the
    step that ended the stream, None where no policy did.
    """

    __slots__ = (
        "_steps",
        "bytes_received",
        "bytes_sent",
        "closed_by",
        "dropped",
        "received",
        "refused",
        "sent",
        "stream",
    )

    def __init__(self, *steps: Any) -> None:
        self.stream: Literal["", "websocket", "events"] = ""
        self.received = self.sent = self.refused = self.dropped = 0
        self.bytes_received = self.bytes_sent = 0
        self.closed_by: str | None = None
        self._steps = list(steps)


class Drop(Exception):
    """The message goes no further, and nobody is told."""


class Close(Exception):
    """The stream ends. Both sides of a WebSocket get ``code`` and ``reason``; of an event stream just no more comes.

    Raises ValueError for a code that may not be sent (RFC 6455, section 7.4: 1000 to 1014 without 1004 to 1006, and
    3000 to 4999), and for a reason of more than 123 bytes.
    """

    def __init__(self, code: int = 1000, reason: str = "") -> None:
        super().__init__(f"{code} {reason}".rstrip())
        if not (1000 <= code <= 1014 and code not in _RESERVED_CODES) and not 3000 <= code <= 4999:
            raise ValueError(
                f"{code} is no code to close with: take 1000 to 1014 without 1004 to 1006, or 3000 to 4999"
            )
        if len(reason.encode()) > _LONGEST_REASON:
            raise ValueError(f"a reason to close has at most {_LONGEST_REASON} bytes of UTF-8")
        self.code = code
        self.reason = reason
