"""Where the authorization endpoint may send a browser: exactly where the client has registered (RFC 9700, 4.1.3)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit

from apim_keymanagers.resident.clients import Client

__all__ = ["form_action_source", "is_registered", "redirect_problem", "with_parameters"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""A scheme of an app's own: a domain name in reverse order (RFC 8252, section 7.1)."""
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\\"<>^`{|}]")


def redirect_problem(uri: str) -> str | None:
    """Why a URI cannot be registered; None if it can.

    ``https``, ``http`` on a loopback address, or a private scheme with a dot in it; no fragment, no user, no wildcard.
    """
    parts = _split(uri)
    if parts is None or "*" in uri:
        return "it is no absolute URI without spaces, quotes and wildcards"
    if "#" in uri:
        return "it must not have a fragment"
    if parts.scheme == "https":
        return None if parts.hostname and parts.username is None else "it names no host, or a user"
    if parts.scheme == "http":
        return (
            None if parts.hostname in _LOOPBACK and parts.username is None else ("http is for 127.0.0.1 and [::1] only")
        )
    return (
        None
        if _PRIVATE_SCHEME.fullmatch(parts.scheme)
        else ("its scheme must be https, or a private one with a dot in it such as com.example.app")
    )


def is_registered(client: Client, uri: str) -> bool:
    """Whether the client may be answered there: the same text as registered, but for the port of a loopback address
    (RFC 8252, section 7.3)."""
    if uri in client.redirect_uris:
        return True
    asked = _without_port(uri)
    return asked is not None and any(asked == _without_port(registered) for registered in client.redirect_uris)


def with_parameters(uri: str, **parameters: str | None) -> str:
    """The URI with parameters added to its query."""
    added = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{added}"


def form_action_source(uri: str) -> str:
    """The URI as a source of the directive ``form-action`` (CSP 3, section 2.3.1): its origin, else its scheme."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    return f"{parts.scheme}:"


def _split(uri: str) -> SplitResult | None:
    if _FORBIDDEN.search(uri):
        return None
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018  # a port that is none raises
    except ValueError:
        return None
    return parts if parts.scheme and (parts.netloc or parts.path) else None


def _without_port(uri: str) -> tuple[str, ...] | None:
    """What has to be the same of two URIs on a loopback address; None for any other URI, which is like no other."""
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.username is not None:
        return None
    return (parts.scheme, parts.hostname or "", parts.path, parts.query, parts.fragment)
