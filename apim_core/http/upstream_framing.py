"""Where an answer ends (RFC 9112, section 6.3), and the heads that leave it open, which are refused.

llhttp already refuses what is not HTTP at all; what it lets pass for the sake of old servers is refused here.
"""

from __future__ import annotations

from apim_sdk.headers import Headers

__all__ = ["Violation", "check_framing"]


class Violation(Exception):
    """The answer is not HTTP that can be passed on safely; the text says what is wrong with it."""


def check_framing(status: int, headers: Headers, parser: object, upgrade: bool) -> bool:
    """Whether the answer lasts until the connection closes. Raises Violation if its end cannot be told for sure."""
    index = headers.index
    coding = index.get(b"transfer-encoding")
    length = index.get(b"content-length")
    if coding is not None:
        if length is not None:
            raise Violation("it has both Content-Length and Transfer-Encoding")
        if len(coding) > 1 or (headers.first(b"transfer-encoding") or b"").lower() != b"chunked":
            raise Violation("its Transfer-Encoding is not 'chunked' alone")
        return False
    if length is not None:
        if len(length) > 1:
            raise Violation("it has more than one Content-Length")
        return False
    if status == 101 and not upgrade:
        raise Violation("it changes the protocol without being asked to")
    return status >= 200 and status not in (204, 304)
