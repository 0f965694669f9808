"""What the `governor` does when it judges: documents and rulesets in, judgements and reports out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from apim_sdk.governance import GovernedDocument, Judgement

from apim_governance.documents.document import Document, read_document
from apim_governance.documents.excerpt import Excerpt
from apim_governance.documents.pointers import NotThere, parts_of
from apim_governance.evaluating import Artifact, Evaluation, Evaluator
from apim_governance.findings import Finding, Severity
from apim_governance.guarded import Remembering, files_below
from apim_governance.javascript import scripts
from apim_governance.linter import Read
from apim_governance.policies import Policy, State
from apim_governance.reports import APIReport, asset_of
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.model import Ruleset
from apim_governance.rulesets.reading import RulesetError, Rulesets
from apim_governance.waivers import Waivers

__all__ = ["compiled", "evaluated", "judgements", "reader", "report"]

_WORDS: Final[Mapping[Severity, Any]] = {severity: severity.name.lower() for severity in Severity}


def evaluated(
    documents: Sequence[GovernedDocument], policies: Iterable[Policy], rulesets: Mapping[str, Ruleset], waivers: Waivers
) -> list[Evaluation]:
    """Evaluate all APIs; references are followed to files in the folders of the documents and below."""
    files = {Path(document.source) for document in documents}
    read = files_below({file.parent for file in files if file.is_file()})
    evaluator = Evaluator(policies, rulesets, waivers, read)
    return [evaluator.evaluate(artifact) for artifact in _artifacts(documents)]


def reader(files: Mapping[str, Path]) -> Remembering:
    """What reads rulesets: those of ``files``, and what lies beside and below them."""
    return Remembering(files_below({path.parent for path in files.values()}))


def compiled(
    policies: Iterable[Policy], files: Mapping[str, Path], read: Read, javascript: bool = False
) -> dict[str, Ruleset]:
    """The rulesets that policies name, those of ``files`` and plugins. Raises ValueError.

    With ``javascript``, the functions that they have in JavaScript are run.
    """
    rulesets = Rulesets(read, scripts=scripts(javascript))
    found: dict[str, Ruleset] = {}
    for name in dict.fromkeys(name for policy in policies for name in policy.rulesets):
        path = files.get(name)
        if path is None and rulesets.catalogue.ruleset(name) is None:
            raise ValueError(f"there is no ruleset {name!r}: install its plugin, or name its file in `rulesets`")
        try:
            found[name] = Compiler.of(rulesets, name if path is None else str(path)).ruleset()
        except RulesetError as error:
            raise ValueError(str(error)) from error
    return found


def judgements(evaluation: Evaluation, state: State) -> Iterator[Judgement]:
    """What policies want told or blocked in a state; what one blocks is not told of by another."""
    blocking = evaluation.asked(state, "block")
    blocked = {finding for _, finding in blocking}
    for policy, finding in blocking:
        yield _judgement(policy, finding, blocks=True)
    for policy, finding in evaluation.asked(state, "notify"):
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

    by_api: dict[tuple[str, str], list[GovernedDocument]] = {}
    for document in documents:
        by_api.setdefault((document.api, document.version), []).append(document)
    for (name, version), listed in by_api.items():
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


def report(evaluation: Evaluation, now: datetime) -> APIReport:
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
