"""What an authorization server says of itself (OpenID Connect Discovery 1.0; RFC 8414), fetched and kept.

A document counts only if it is by the very issuer that was asked for, and names endpoints that are no weaker than the
issuer: ``https`` where that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from apim_sdk import Clock, Fetched

from apim_keymanagers.answers import parse_object

__all__ = ["ENDPOINTS", "Discovery", "NoMetadata", "parse_metadata", "secure_url", "well_known"]

Metadata = Mapping[str, Any]
Fetch = Callable[[str], Awaitable[Fetched]]

ENDPOINTS: Final = (
    "authorization_endpoint",
    "device_authorization_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "pushed_authorization_request_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
)
"""Members of the metadata that are URLs and are called, by us or by clients (RFC 8414, section 2)."""

_RETRY: Final = 5.0
"""For how many seconds a failure is remembered before the server is asked again."""


class NoMetadata(ConnectionError):
    """The server publishes no metadata at any of the places where it could be."""


def well_known(issuer: str) -> tuple[str, ...]:
    """Where the metadata of an issuer may be, in the order of asking.

    OpenID Connect Discovery 1.0, section 4: behind the issuer. RFC 8414, section 3: between its host and its path.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def secure_url(value: Any, issuer: str) -> bool:
    """Whether a value is the URL of an endpoint that an issuer of this scheme may have."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        valid = bool(parts.hostname) and not parts.fragment and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return valid and (parts.scheme == "https" or (parts.scheme == "http" and not issuer.startswith("https:")))


def parse_metadata(document: bytes, issuer: str, place: str) -> Metadata:
    """The metadata in a document. Raises ValueError unless it is the issuer's and its endpoints are in order."""
    try:
        content = parse_object(document)
    except ValueError as error:
        raise ValueError(f"{place} is not the discovery document of {issuer}: {error}") from error
    if content.get("issuer") != issuer:
        raise ValueError(
            f"{place} is not the discovery document of {issuer}: it is by {content.get('issuer')!r:.200}; "
            "write the issuer exactly as it has it, or do not trust it"
        )
    aliases = content.get("mtls_endpoint_aliases", {})
    if not isinstance(aliases, dict):
        raise ValueError(f"{place}: mtls_endpoint_aliases is no object")  # noqa: TRY004  # of a document
    for endpoints in (content, aliases):
        for name in ENDPOINTS:
            if endpoints.get(name) is not None and not secure_url(endpoints[name], issuer):
                raise ValueError(f"{place}: {name} is no URL that an endpoint of {issuer} may have")
    return MappingProxyType(content)


class Discovery:
    """The metadata of one authorization server, shared by all snapshots that trust it. Belongs to one event loop.

    ``fetch`` gets a URL; it is that of the newest snapshot, which sets it. ``issuer`` is what the document must say;
    ``places`` are the URLs where it may be. One fetch at a time is on its way; who asked first waits for it, and all
    while there is no document yet. The last good one stays while the server is away. A failure is remembered for some
    seconds.
    """

    fetch: Fetch

    def __init__(self, issuer: str, places: Sequence[str], refresh: float, clock: Clock) -> None:
        self._issuer = issuer
        self._places = tuple(places)
        self._refresh = refresh
        self._now = clock.monotonic
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._ask_again = float("-inf")
        self._failure: Exception | None = None

    async def metadata(self) -> Metadata:
        """The metadata. Raises OSError where it cannot be had now: NoMetadata where there is none."""
        on_its_way = self._metadata is not None and self._lock.locked()
        if on_its_way or self._now() < self._ask_again:
            return self._answer()
        async with self._lock:
            if self._now() >= self._ask_again:
                await self._ask()
            return self._answer()

    def expire(self) -> None:
        """Ask again when the metadata is next wanted: what it says turned out to be no longer so."""
        if self._failure is None:
            self._ask_again = self._now()

    def _answer(self) -> Metadata:
        if self._metadata is not None:
            return self._metadata
        kind = NoMetadata if isinstance(self._failure, NoMetadata) else ConnectionError
        raise kind(str(self._failure)) from self._failure

    async def _ask(self) -> None:
        try:
            self._metadata = await self._load()
            self._failure = None
            self._ask_again = self._now() + self._refresh
        except (OSError, ValueError) as error:
            self._failure = error
            self._ask_again = self._now() + _RETRY

    async def _load(self) -> Metadata:
        for place in self._places:
            answer = await self.fetch(place)
            if answer.status == 200:
                return parse_metadata(answer.body, self._issuer, place)
            if answer.status not in (400, 404, 405, 410):
                raise ConnectionError(f"{place} answers {answer.status}")
        raise NoMetadata(f"{self._issuer} publishes no metadata: there is none at {' nor '.join(self._places)}")
