"""What a request to the server says, apart from how it came."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

import attrs

from apim_keymanagers.resident.errors import invalid_request

__all__ = ["Asked"]


@attrs.frozen
class Asked:
    """A request to one of the server's endpoints. Of no parameter there are two (RFC 6749, section 3.2)."""

    parameters: Mapping[str, str] = attrs.field(repr=False)
    """Of the form, or of the query where the endpoint is asked by GET."""
    _address: IPv4Address | IPv6Address | None = None
    authorization: str | None = attrs.field(default=None, repr=False)
    """The header ``Authorization``."""
    certificate: bytes | None = attrs.field(default=None, repr=False)
    """The client's certificate of the TLS connection, DER."""
    proofs: tuple[str, ...] = attrs.field(default=(), repr=False)
    """The headers ``DPoP``."""
    url: str = ""
    """The URL of the endpoint, as the server publishes it."""

    @property
    def address(self) -> str:
        """Of the client, for bounds on guessing."""
        return "" if self._address is None else str(self._address)

    def get(self, name: str) -> str | None:
        """A parameter; one without a value counts as left out (RFC 6749, section 3.1)."""
        return self.parameters.get(name) or None

    def need(self, name: str) -> str:
        """A parameter that must be there. Raises OAuthError."""
        value = self.get(name)
        if value is None:
            raise invalid_request(f"the parameter {name} is missing")
        return value
