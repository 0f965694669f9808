"""Rules for the APIs of our own configuration, known as `apim:recommended`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from apim_sdk.governance import RulesetFunction, ShippedRuleset
from apim_sdk.plugin import Status

from apim_governance.shipped.reading import definition_in
from apim_governance.shipped.recommended.keyless import KeylessReads
from apim_governance.shipped.recommended.plans import PlanLimited
from apim_governance.shipped.recommended.scopes import WritesScoped
from apim_governance.shipped.recommended.versions import VersionInContext

__all__ = ["RecommendedRules"]


@attrs.frozen
class RecommendedRules(ShippedRuleset):
    """Rules for APIs as this gateway's own configuration has them: plans, limits, scopes, backends, names.

    Other rulesets extend it as `apim:recommended`. It is for files of a configuration that have `apis`
    (format `apim-configuration`), and for one API alone (format `apim-api`).
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {}

    def definition(self) -> Mapping[str, Any]:
        return definition_in("apim_governance.shipped.recommended")

    def functions(self) -> Mapping[str, type[RulesetFunction]]:
        return {
            "keylessReads": KeylessReads,
            "planLimited": PlanLimited,
            "versionInContext": VersionInContext,
            "writesScoped": WritesScoped,
        }
