"""Rules for the security of APIs, after the OWASP API Security Top 10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import RulesetFunction, ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.owasp.admin import AdminApart
from apim_governance.shipped.owasp.restricted import Restricted
from apim_governance.shipped.reading import definition_in

__all__ = ["OWASPRules"]


@attrs.frozen
class OWASPRules(ShippedRuleset):
    """Rules for OpenAPI documents after the OWASP API Security Top 10 of 2023.

    Other rulesets extend it as `owasp`, or by the name that it has for Spectral, `@stoplight/spectral-owasp-ruleset`.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.owasp")

    def functions(self) -> Mapping[str, type[RulesetFunction]]:
        return {"checkSecurity": Restricted, "differentSecuritySchemes": AdminApart}
