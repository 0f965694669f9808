"""Argon2 in threads: one at a time."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["ARGON2_TURN"]

ARGON2_TURN: Final = threading.Lock()
"""Held by whoever has ``cryptography`` work out Argon2, in a thread, never on the event loop.

OpenSSL divides the lanes of a hash among threads that all hashes of the process share, and two hashes at a time can
wait for each other for ever (seen with OpenSSL 4.0.3). One hash uses as many cores as it has lanes, so little is lost.
"""
