"""The `governor`: holds the APIs that a gateway is to serve against policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import plugin
from apim_sdk.context import Context
from apim_sdk.governance import GovernedDocument, Governor, Judgement
from apim_sdk.plugin import Status
from apim_sdk.resources import Resource

from apim_governance.limits import PostedLimits
from apim_governance.policies import Action, Policy, State
from apim_governance.waivers import Waiver, Waivers

__all__ = ["RulesetGovernor"]

_DEFAULT: Final = Policy(
    "Recommended", ("apim-recommended",), (Action("deploy", "error", "notify"), Action("deploy", "warn", "notify"))
)


@attrs.frozen
class RulesetGovernor(Governor):
    """Hold the APIs of a configuration, and their definitions, against policies made of rulesets.

    What a policy blocks keeps the whole configuration from being served, at a start and at a reload; what it notifies
    of is logged and counted. `apim check` tells the same. References in definitions are followed to files in the
    folders of the configuration's own files and below.
    """

    status: ClassVar[Status] = Status.BETA
    example: ClassVar[Any] = {
        "policies": [
            {
                "name": "Platform",
                "rulesets": ["apim-recommended", "owasp"],
                "actions": [
                    {"state": "deploy", "severity": "error", "type": "notify"},
                    {"state": "deploy", "severity": "warn", "type": "notify"},
                ],
            }
        ],
        "waivers": [
            {
                "rule": "apim-plan-limits",
                "api": "orders",
                "reason": "limits come with the new plans",
                "expires": "2027-01-01T00:00:00Z",
            }
        ],
    }

    policies: tuple[Policy, ...] = (_DEFAULT,)
    """Which rulesets which APIs must follow; without any, all must follow `apim-recommended`, and are only told."""
    rulesets: Mapping[str, Path] = attrs.field(factory=dict, hash=False)
    """Rulesets that are files, by the name that policies use; all others are plugins."""
    waivers: tuple[Waiver, ...] = ()
    """What need not be followed for a time."""
    state: State = "deploy"
    """The state that APIs come into when this gateway takes them; its actions count."""
    store: str | None = None
    """The store that keeps how scores go over time; without it, they are not kept."""
    points: int = attrs.field(default=100, validator=attrs.validators.ge(1))
    """How many scores of one API are kept there."""
    javascript: bool = False
    """Whether functions in JavaScript of those files are run; needs `pip install 'apim[governance-javascript]'`."""
    lint: PostedLimits = PostedLimits()
    """What documents may cost that are posted to the management port."""
    _standing: Any = plugin.state()
    _trend: Any = plugin.state()
    _linter: Any = plugin.state()

    def judge(self, documents: Sequence[GovernedDocument]) -> Iterable[Judgement]:
        from apim_governance.judging import compiled, evaluated, judgements, reader
        from apim_governance.posted import KnownRulesets, PostedLinter
        from apim_governance.standing import Standing

        now = datetime.now(UTC)
        read = reader(self.rulesets)
        rulesets = compiled(self.policies, self.rulesets, read, self.javascript)
        evaluations = evaluated(documents, self.policies, rulesets, Waivers(self.waivers, now))
        places = {name: str(self.rulesets.get(name, name)) for name in rulesets}
        self.hold(
            _standing=Standing.of(evaluations, self.policies, rulesets, now),
            _linter=PostedLinter(KnownRulesets(places, read.texts, self.javascript), self.lint),
        )
        return [judgement for evaluation in evaluations for judgement in judgements(evaluation, self.state)]

    def resources(self) -> Iterable[Resource]:
        from apim_governance.resources import GovernanceResources

        return GovernanceResources(self._standing, lambda: self._trend, self._linter).all()

    async def start(self, context: Context) -> None:
        if self.store is not None:
            from apim_governance.trend import Trend

            trend = Trend(context.store(self.store), self.points)
            if self._standing is not None:
                for report in self._standing.reports.values():
                    await trend.keep(report)
            self.hold(_trend=trend)

    async def stop(self) -> None:
        if self._linter is not None:
            self._linter.stop()
