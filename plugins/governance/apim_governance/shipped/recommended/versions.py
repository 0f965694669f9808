"""``versionInContext``: who calls an API sees which version it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

__all__ = ["VersionInContext"]


@attrs.frozen
class VersionInContext(RulesetFunction):
    """Looks at an API: a segment of its context is its version (``/orders/1.0``) or the major one (``/orders/v1``)."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, dict) or not isinstance(target.get("context"), str):
            return
        version = str(target.get("version", "1.0")).lower().removeprefix("v")
        major = version.partition(".")[0]
        wanted = {version, major, f"v{version}", f"v{major}"}
        if wanted.isdisjoint(target["context"].lower().split("/")):
            message = f"The context {target['context']!r} does not show the version {version}"
            yield Violation(message, (*context.path, "context"))
