"""What runs in the process that lints a posted document: ``python -m apim_governance.posted_process``.

On standard input come a line of JSON and the document; on standard output goes the report. It reads no file but the
program's own, and bounds itself before it looks at the document.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from apim_governance.documents.document import read_document
from apim_governance.evaluating import Artifact, Evaluator, RuleStatus
from apim_governance.javascript import scripts
from apim_governance.judging import report
from apim_governance.policies import Policy
from apim_governance.posted import OUT_OF_MEMORY, UNUSABLE
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import RulesetError, Rulesets
from apim_governance.waivers import Waivers

__all__ = ["MOST", "lint", "main"]

MOST: Final = 1_000
"""Findings that are told; the summary counts all."""
_NAME: Final = "document"
_NICER: Final = 10


def main() -> int:
    """Lint one document; the exit status."""
    head = json.loads(sys.stdin.buffer.readline())
    memory, seconds = head["memory"], math.ceil(head["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICER)
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
        sys.stdout.write(json.dumps(lint(text, head["rulesets"], head["texts"], head["javascript"])))
    except MemoryError:
        return OUT_OF_MEMORY
    except RulesetError as error:
        sys.stdout.write("; ".join(problem.message for problem in error.problems))
        return UNUSABLE
    return 0


def lint(text: str, names: Mapping[str, str], texts: Mapping[str, str], javascript: bool = False) -> dict[str, Any]:
    """The report on a document, by rulesets given by name, with their file or plugin; ``texts`` are those files."""

    def read(name: str) -> str:
        if name not in texts:
            raise FileNotFoundError(f"{PurePath(name).name} was not there when the configuration was read")
        return texts[name]

    rulesets = Rulesets(read, scripts=scripts(javascript))
    known = {name: Compiler.of(rulesets, place).ruleset() for name, place in names.items()}
    document = read_document(text, _NAME)
    policy = Policy(_NAME, tuple(known))
    now = datetime.now(UTC)
    evaluation = Evaluator((policy,), known, Waivers((), now)).evaluate(Artifact(_NAME, "", (document,)))
    told = report(evaluation, now).to_json(MOST)
    results = [
        {"id": each.name, "name": each.name, "status": each.status.value} for each in evaluation.policies[0].rulesets
    ]
    applied = any(each.status is not RuleStatus.UNAPPLIED for each in evaluation.policies[0].rulesets)
    return {
        "status": evaluation.status if applied else "NOT-APPLICABLE",
        "summary": told["summary"],
        "assets": told["assets"],
        "rulesetValidationResults": results,
    }


if __name__ == "__main__":
    sys.exit(main())
