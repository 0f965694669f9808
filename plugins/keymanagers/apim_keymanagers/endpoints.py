"""The endpoints of an authorization server: where they are, and how a request gets there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import attrs
from apim_sdk import Clock, Fetched, Unsupported
from apim_sdk.upstream import UpstreamTLS

from apim_keymanagers.answers import BadAnswer
from apim_keymanagers.client_authentication import Authentication
from apim_keymanagers.discovery import Discovery, NoMetadata, secure_url

__all__ = ["Endpoints", "Fetch"]

JSON = "application/json"


class Fetch(Protocol):
    """``Context.fetch``."""

    async def __call__(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: UpstreamTLS | None = None,
    ) -> Fetched: ...


@attrs.frozen
class Endpoints:
    """The endpoints of one server, by their names in its metadata (RFC 8414, section 2).

    ``configured`` come first, then what the metadata says (``mtls_endpoint_aliases`` before the rest where the gateway
    shows a certificate: RFC 8705, section 5), then ``usual``: where servers of this product have them.
    """

    issuer: str
    discovery: Discovery
    fetch: Fetch
    clock: Clock
    configured: Mapping[str, str] = attrs.field(factory=dict)
    usual: Mapping[str, str] = attrs.field(factory=dict)
    tls: UpstreamTLS | None = None

    async def metadata(self) -> Mapping[str, Any]:
        """What the server says of itself, with what is configured instead. Raises OSError where that cannot be had."""
        try:
            found: Mapping[str, Any] = await self.discovery.metadata()
        except NoMetadata:
            if not (self.configured or self.usual):
                raise
            found = {"issuer": self.issuer}
        return {**self.usual, **found, **self.configured}

    async def url(self, name: str) -> str:
        """The URL of an endpoint. Raises Unsupported if the server has none, OSError if that cannot be told now."""
        if name in self.configured:
            return self.configured[name]
        metadata = await self.metadata()
        if self.tls is not None and self.tls.certificate is not None:
            alias = metadata.get("mtls_endpoint_aliases", {}).get(name)
            if isinstance(alias, str):
                return alias
        url = metadata.get(name)
        if not isinstance(url, str):
            raise Unsupported(f"{self.issuer} has no {name}; if it does, configure it")
        return url

    async def get(self, url: str) -> Fetched:
        """Get a document. Raises OSError."""
        return await self.fetch(url, headers={"Accept": JSON}, tls=self.tls)

    async def form(
        self, url: str, parameters: Mapping[str, str], client: Authentication | None, accept: str = JSON
    ) -> Fetched:
        """Post a form, as a client that proves who it is. Raises OSError."""
        form = dict(parameters)
        headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        if client is not None:
            client.prove(form, headers, self.issuer, self.clock.now())
        return await self.fetch(url, method="POST", headers=headers, body=urlencode(form).encode(), tls=self.tls)

    async def json(self, method: str, url: str, content: Any = None, authorization: str | None = None) -> Fetched:
        """Send a JSON document, or a request without a body. Raises OSError, BadAnswer for a URL of the server
        that it must not have."""
        if not secure_url(url, self.issuer):
            raise BadAnswer(f"{url!r:.200} is no URL that an endpoint of {self.issuer} may have")
        headers = {"Accept": JSON}
        body = None
        if content is not None:
            headers["Content-Type"] = JSON
            body = json.dumps(content).encode()
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self.fetch(url, method=method, headers=headers, body=body, tls=self.tls)
