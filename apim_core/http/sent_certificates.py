"""The certificates that clients send beside their own, out of which their chains may be built (RFC 8446, 4.4.2).

Python's ssl module hands them over from 3.13 on; before, the object beneath it does, which nobody promises: where that
has none, a client has sent none. A connection that resumes a session brings none again, so they are remembered by the
client's certificate: the process that can resume the session is the one that has seen them.
"""

from __future__ import annotations

import _ssl
import hashlib
import ssl
from collections.abc import Sequence
from typing import Any, Final

from cachetools import LRUCache

__all__ = ["MOST", "MOST_BYTES", "SentCertificates"]

MOST: Final = 10
MOST_BYTES: Final = 32 * 1024
"""What a client may send beside its own certificate; of one that sends more, nothing is taken."""
_CLIENTS: Final = 10_000
_CHAINS: Final = 1_000
_DER: Final[Any] = getattr(_ssl, "ENCODING_DER", None)


class SentCertificates:
    """Those of the clients of one listener. Belongs to one event loop."""

    def __init__(self) -> None:
        self._by_client: LRUCache[bytes, tuple[bytes, ...]] = LRUCache(_CLIENTS)
        self._chains: LRUCache[tuple[bytes, ...], tuple[bytes, ...]] = LRUCache(_CHAINS)
        """Each chain once, which many clients have in common."""

    def of(self, connection: ssl.SSLObject, certificate: bytes) -> tuple[bytes, ...]:
        """What was sent beside the certificate of a client, DER, in its order; nobody has verified it."""
        client = hashlib.sha256(certificate).digest()
        if connection.session_reused:
            return self._by_client.get(client, ())
        sent = tuple(each for each in _sent(connection) if each != certificate)
        if len(sent) > MOST or sum(map(len, sent)) > MOST_BYTES:
            sent = ()
        if sent:
            sent = self._by_client[client] = self._chains.setdefault(sent, sent)
        else:
            self._by_client.pop(client, None)
        return sent


def _sent(connection: Any) -> Sequence[bytes]:
    """The certificates of the handshake, the client's own first."""
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return public() or ()
    beneath = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", None)
    if beneath is None or _DER is None:
        return ()
    return [each.public_bytes(_DER) for each in beneath() or ()]
