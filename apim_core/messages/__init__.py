"""Messages of streams: from bytes of a WebSocket or an event stream to messages that policies see, and back.

Only an exchange that has passed a step with ``on_message`` gets here (``joining.py``); for all others the bytes are
relayed unread. Its 101 answer gets a tunnel that reads frames (``tunnel.py``, ``frames.py``), its event stream a body
that reads events (``event_body.py``, ``event_blocks.py``); both send each message past the steps (``judging.py``).
"""

from apim_core.messages.joining import attach, join
from apim_core.messages.metering import Meters, no_meters, open_meters

__all__ = ["Meters", "attach", "join", "no_meters", "open_meters"]
