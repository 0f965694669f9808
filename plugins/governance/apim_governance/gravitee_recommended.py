"""Rules for Gravitee definitions of version 4, known as `gravitee:recommended`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.reading import definition_in

__all__ = ["GraviteeRules"]


@attrs.frozen
class GraviteeRules(ShippedRuleset):
    """Rules for proxy, message and native APIs of Gravitee, version 4, as they are exported or as a gateway has them.

    Other rulesets extend it as `gravitee:recommended`; the formats of such documents are `gravitee-proxy`,
    `gravitee-message` and `gravitee-native`. Rules of Gravitee's own API Score, which look under `$.api`, run here too.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.gravitee")
