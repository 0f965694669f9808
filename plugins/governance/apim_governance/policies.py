"""Policies: which rulesets which APIs must follow, and what happens where they do not.

A policy groups rulesets, and is attached to APIs by labels (``GLOBAL``: to all) and to states of their life. Its
actions say what a finding of a severity does when an API comes into a state: ``notify`` tells, ``block`` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import attrs

from apim_governance.findings import Severity

__all__ = ["GLOBAL", "Action", "Policy", "State"]

State = Literal["create", "update", "deploy", "publish"]
Level = Literal["error", "warn", "info"]
GLOBAL: Final = "GLOBAL"
_LEVELS: Final[Mapping[Severity, Level]] = {
    Severity.ERROR: "error",
    Severity.WARN: "warn",
    Severity.INFO: "info",
    Severity.HINT: "info",
}


@attrs.frozen
class Action:
    """What a finding of a severity does in a state."""

    state: State
    """In which state: `create`, `update`, `deploy` or `publish`."""
    severity: Level
    """Findings of which severity: `error`, `warn` or `info`, which hints count as."""
    type: Literal["notify", "block"]
    """`notify` tells of it, `block` refuses the API; only a deployment or a publication can be blocked."""

    def __attrs_post_init__(self) -> None:
        if self.type == "block" and self.state not in ("deploy", "publish"):
            raise ValueError(f"only deploy and publish can be blocked, not {self.state}: use notify")


def _not_empty(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value or (isinstance(value, str) and not value.strip()):
        raise ValueError(f"a policy needs {attribute.name}")


@attrs.frozen
class Policy:
    """Rulesets, the APIs that must follow them, and what happens where they do not."""

    name: str = attrs.field(validator=attrs.validators.and_(_not_empty, attrs.validators.max_len(256)))
    """Name of the policy."""
    rulesets: tuple[str, ...] = attrs.field(validator=_not_empty)
    """Rulesets by name (`apim:recommended`, `spectral:oas`) or file, relative to the configuration's own."""
    actions: tuple[Action, ...] = ()
    """What findings do, by state and severity; a finding without an action only shows in the report."""
    labels: tuple[str, ...] = attrs.field(default=(GLOBAL,), validator=_not_empty)
    """Labels of the APIs that it is for; `GLOBAL` is all of them."""
    description: str = attrs.field(default="", validator=attrs.validators.max_len(1024))
    """What the policy is for."""

    def covers(self, labels: Iterable[str]) -> bool:
        """Whether it is for an API with these labels."""
        return GLOBAL in self.labels or not set(self.labels).isdisjoint(labels)

    def action(self, state: State, severity: Severity) -> Literal["notify", "block"] | None:
        """What a finding does in a state, the hardest of all actions that are for it."""
        types = {each.type for each in self.actions if (each.state, each.severity) == (state, _LEVELS[severity])}
        return "block" if "block" in types else "notify" if types else None
