"""A client's id as one segment of a URL, for servers whose clients are found by it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from apim_sdk import KeyManagerError

__all__ = ["client_segment"]

_AMBIGUOUS: Final = re.compile(r"[/\\%;'\x00-\x1f\x7f\ud800-\udfff]")
"""What proxies and servers decode before they look for segments, or cut off, or cannot read; a key of OData ends with
an apostrophe."""


def client_segment(client_id: str) -> str:
    """The id, percent-encoded. Raises KeyManagerError for one by which some server might find something else.

    Segments of dots are taken out of a URL by whoever normalises it (RFC 3986, section 6.2.2.3), encoded or not, so
    that ``/clients/..`` is the place of all clients; so is ``/clients/`` with nothing behind it.
    """
    if not client_id.strip(". ") or _AMBIGUOUS.search(client_id):
        raise KeyManagerError(
            "invalid_client", f"{client_id!r:.100} cannot be managed: as a part of a URL it may mean something else"
        )
    return quote(client_id, safe="")
