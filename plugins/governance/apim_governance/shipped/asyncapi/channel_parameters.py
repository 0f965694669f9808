"""``asyncApiChannelParameters``: the parameters in the address of a channel, and those that are described."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.server_variables import variables_in

__all__ = ["ChannelParameters"]


@attrs.frozen
class ChannelParameters(RulesetFunction):
    """Looks at a channel; its address is its name up to AsyncAPI 2, then ``address``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        described = target.get("parameters") if isinstance(target, dict) else None
        if not isinstance(described, dict):
            return
        address = target.get("address")
        if address is None:
            address = context.path[-1]
        used = variables_in(address) if isinstance(address, str) else []
        if not used:
            return
        place = (*context.path, "parameters")
        missing = [name for name in used if name not in described]
        if missing:
            names = ", ".join(missing)
            text = f"""Not all channel's parameters are described with "parameters" object. Missed: {names}."""
            yield Violation(text, place)
        for name in described:
            if name not in used:
                text = f"""Channel's "parameters" object has redundant defined "{name}" parameter."""
                yield Violation(text, (*place, name))
