"""Rules for WSO2 API projects, known as `wso2:recommended`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.reading import definition_in

__all__ = ["WSO2Rules"]


@attrs.frozen
class WSO2Rules(ShippedRuleset):
    """Rules for the `api.yaml` of WSO2 API projects, and for APIs as WSO2's Publisher takes them.

    Other rulesets extend it as `wso2:recommended`; the format of such documents is `wso2-api`.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.wso2")
