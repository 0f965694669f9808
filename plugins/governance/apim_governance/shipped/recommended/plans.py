"""``planLimited``: a plan bounds what one consumer may take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.shipped.recommended.apis import authenticators, owner, steps

__all__ = ["PlanLimited"]

_LIMITS: Final = frozenset({"rate-limit", "quota", "spike-arrest", "custom-limit"})


@attrs.frozen
class PlanLimited(RulesetFunction):
    """Looks at a plan: it has ``limits``, or a limit stands in its flows or in those of its API."""

    keyless: bool = False
    """Whether plans are looked at that let everybody in; else only all others are."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or ("keyless" in authenticators(target)) is not self.keyless:
            return
        api, _ = owner(context)
        policies = {*steps(target, "request"), *steps(api, "entry", "request")}
        if not target.get("limits") and policies.isdisjoint(_LIMITS):
            yield f"The plan {target.get('name')!r} has no limit"
