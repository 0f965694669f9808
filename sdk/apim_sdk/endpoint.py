"""Endpoints: where a request ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.messages import Response

__all__ = ["Endpoint", "SequenceEndpoint"]


class Endpoint(Plugin):
    """Where a request ends."""

    kind: ClassVar[str] = "endpoint"

    async def send(self, exchange: Exchange) -> Response:
        """Answer the request. Raises Fault with one of the ENDPOINT_ kinds where that fails."""
        raise NotImplementedError(f"{type(self).__name__} must define send()")

    @hookimpl
    @classmethod
    def apim_register_endpoint(cls) -> type[Endpoint]:
        """Register the class itself."""
        return cls


class SequenceEndpoint(Endpoint):
    """An endpoint that is itself a flow of calls."""

    @hookimpl
    @classmethod
    def apim_register_sequence_endpoint(cls) -> type[SequenceEndpoint]:
        """Register the class itself."""
        return cls
