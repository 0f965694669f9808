"""A fake context whose callouts really go out, to servers on loopback."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_network
from typing import Any

import attrs
from apim_sdk.testing import FakeContext, build, started
from apim_sdk.upstream import UpstreamTLS

from apim_core.egress import Egress

__all__ = ["CallingContext", "running"]

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@attrs.define
class CallingContext(FakeContext):
    """``fetch`` is the gateway's own; the clock stands still at the time at which the context was made."""

    egress: Egress = attrs.field(factory=lambda: Egress(LOOPBACK, timeout=5.0))

    def __attrs_post_init__(self) -> None:
        self.clock.epoch = time.time()

    async def fetch(  # type: ignore[override]  # the real answer has the same shape
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls: UpstreamTLS | None = None,
    ) -> Any:
        """See ``apim_sdk.Context``."""
        self.fetched.append((method, url, body))
        return await self.egress.fetch(url, method=method, headers=headers, body=body, tls=tls)

    async def close(self) -> None:
        """See ``FakeContext``; and the connections that are kept."""
        await FakeContext.close(self)
        await self.egress.close()


@contextlib.asynccontextmanager
async def running(
    plugin: type[Any], settings: Mapping[str, Any], context: CallingContext | None = None
) -> AsyncIterator[Any]:
    """A plugin with these settings between its start and its stop."""
    async with started(build(plugin, dict(settings)), context or CallingContext()) as built:
        yield built
