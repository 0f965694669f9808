"""The `governor`: holds the APIs that a gateway is to serve against policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs
from apim_sdk import plugin
from apim_sdk.context import Context
from apim_sdk.governance import GovernedDocument, Governor, Judgement
from apim_sdk.plugin import Status

from apim_governance.documents.document import Document, read_document
from apim_governance.documents.excerpt import Excerpt
from apim_governance.documents.pointers import NotThere, parts_of
from apim_governance.findings import Finding, Severity
from apim_governance.guarded import files_below
from apim_governance.policies import Action, Artifact, Evaluation, Evaluator, Policy, State
from apim_governance.reports import APIReport, asset_of
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.model import Ruleset
from apim_governance.rulesets.reading import RulesetError, Rulesets
from apim_governance.trend import Trend
from apim_governance.waivers import Waiver, Waivers

__all__ = ["RulesetGovernor"]

_WORDS: Final[Mapping[Severity, Any]] = {severity: severity.name.lower() for severity in Severity}
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
    _reports: tuple[APIReport, ...] = plugin.state()

    def judge(self, documents: Sequence[GovernedDocument]) -> Iterable[Judgement]:
        now = datetime.now(UTC)
        files = {Path(document.source) for document in documents}
        folders = {file.parent for file in files if file.is_file()}
        evaluator = Evaluator(self.policies, self._compiled(), Waivers(self.waivers, now), files_below(folders))
        evaluations = [evaluator.evaluate(artifact) for artifact in _artifacts(documents)]
        if self.store is not None:
            self.hold(_reports=tuple(_report(evaluation, now) for evaluation in evaluations))
        return [judgement for evaluation in evaluations for judgement in self._judgements(evaluation)]

    async def start(self, context: Context) -> None:
        if self.store is not None:
            trend = Trend(context.store(self.store), self.points)
            for report in self._reports or ():
                await trend.keep(report)

    def _compiled(self) -> dict[str, Ruleset]:
        """The rulesets that policies name. Raises ValueError."""
        rulesets = Rulesets(files_below({path.parent for path in self.rulesets.values()}))
        compiled: dict[str, Ruleset] = {}
        for name in (name for policy in self.policies for name in policy.rulesets):
            if name in compiled:
                continue
            path = self.rulesets.get(name)
            if path is None and rulesets.catalogue.ruleset(name) is None:
                raise ValueError(f"there is no ruleset {name!r}: install its plugin, or name its file in `rulesets`")
            try:
                compiled[name] = Compiler.of(rulesets, name if path is None else str(path)).ruleset()
            except RulesetError as error:
                raise ValueError(str(error)) from error
        return compiled

    def _judgements(self, evaluation: Evaluation) -> Iterator[Judgement]:
        blocking = evaluation.asked(self.state, "block")
        blocked = {finding for _, finding in blocking}
        for policy, finding in blocking:
            yield _judgement(policy, finding, blocks=True)
        for policy, finding in evaluation.asked(self.state, "notify"):
            if finding not in blocked:
                yield _judgement(policy, finding, blocks=False)


def _artifacts(documents: Sequence[GovernedDocument]) -> Iterator[Artifact]:
    """The documents by API; each file is read once."""
    files: dict[tuple[str, int], Document] = {}

    def read(document: GovernedDocument) -> Document:
        key = (document.source, id(document.text))
        whole = files.get(key)
        if whole is None:
            whole = files[key] = read_document(document.text, document.source)
        if not document.pointer or whole.data is None:
            return whole
        try:
            return Excerpt(whole, parts_of(document.pointer))
        except NotThere:
            raise ValueError(f"{document.source} has changed: there is no {document.pointer} any more") from None

    for (name, version), group in groupby(documents, key=lambda document: (document.api, document.version)):
        listed = list(group)
        labels = tuple(dict.fromkeys(label for document in listed for label in document.labels))
        yield Artifact(name, version, tuple(map(read, listed)), labels)


def _judgement(policy: Policy, finding: Finding, blocks: bool) -> Judgement:
    start = finding.range.start
    return Judgement(
        finding.message,
        finding.code,
        _WORDS[finding.severity],
        finding.source or "",
        start.line + 1,
        start.character + 1,
        blocks,
        policy.name,
    )


def _report(evaluation: Evaluation, now: datetime) -> APIReport:
    """The score of an API: each document with what counts of the findings in it, once."""
    artifact = evaluation.artifact
    findings = dict.fromkeys(finding for result in evaluation.policies for finding in result.findings)
    documents: dict[str, Document] = {document.source or "": document for document in artifact.documents}
    by_source: dict[str, list[Finding]] = {source: [] for source in documents}
    first = next(iter(documents), "")
    for finding in findings:
        by_source[finding.source if finding.source in by_source else first].append(finding)
    assets = tuple(asset_of(source, documents[source], found) for source, found in by_source.items())
    return APIReport(f"{artifact.id}@{now.isoformat()}", artifact.id, now, assets)
