"""How long an answer may be kept (RFC 9111, sections 4.2 and 5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

__all__ = ["lifetime"]

_DIRECTIVE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"([^"]*)"|([^,\s]*)))?\s*(?:,|$)')
_AGE = re.compile(r"[0-9]{1,10}")


def lifetime(headers: Mapping[str, str], now: float) -> float | None:
    """For how many seconds from ``now`` (since the epoch) an answer is fresh; None if it does not say.

    ``headers`` have names in lower case. An answer that is not to be kept, or is stale already, does not say.
    """
    directives = {
        match[1].lower(): match[2] or match[3] for match in _DIRECTIVE.finditer(headers.get("cache-control", ""))
    }
    if "no-cache" in directives or "no-store" in directives:
        return None
    if "max-age" in directives:
        seconds = _whole(directives["max-age"])
        if seconds is None:
            return None
        left = seconds - (_whole(headers.get("age")) or 0)
    else:
        expires = _date(headers.get("expires"))
        if expires is None:
            return None
        left = expires - (_date(headers.get("date")) or now)
    return left if left > 0 else None


def _whole(text: str | None) -> float | None:
    return float(text) if text and _AGE.fullmatch(text) else None


def _date(text: str | None) -> float | None:
    """An HTTP-date (RFC 9110, section 5.6.7); None if it is none."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None
