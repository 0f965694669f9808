"""``asyncApi2ChannelServers``: servers that channels name are defined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

__all__ = ["ChannelServers"]


@attrs.frozen
class ChannelServers(RulesetFunction):
    """Looks at a whole document."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict):
            return
        servers, channels = target.get("servers", {}), target.get("channels", {})
        if not isinstance(servers, dict) or not isinstance(channels, dict):
            return
        if not all(map(_names_servers, channels.values())):
            return
        for address, channel in channels.items():
            for index, name in enumerate(channel.get("servers", ())):
                if name not in servers:
                    text = 'Channel contains server that are not defined on the "servers" object.'
                    yield Violation(text, ("channels", address, "servers", index))


def _names_servers(channel: Any) -> bool:
    if not isinstance(channel, dict):
        return False
    names = channel.get("servers", [])
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
