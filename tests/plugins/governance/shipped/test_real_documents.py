"""The rulesets that are shipped, over real documents, against every finding of Spectral in them.

What differs is known, and meant. Where a reference leads to what has a name in its path that percent-encoding would
change (`application/hal+json`, `{id}`), Spectral tells its parent, maybe beside the place (see ADR 21).
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from apim_governance.catalogue import Catalogue
from apim_governance.documents.document import read_document
from apim_governance.findings import Finding
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets

SHARED: Final = Path(__file__).resolve().parents[4] / "../shared/conformance"
LEAST_EQUAL: Final = 0.995
MOST_OF_ALL: Final = 0.25
"""Other documents may be there instead of these, but not hardly any."""
OF_REFERENCES: Final = "invalid-ref"
"""Whether there is a file or a URL depends on where one stands."""

Told = tuple[str, tuple[str, ...], tuple[int, ...], int]


def read(path: str) -> str:
    return Path(path).read_bytes().decode()


def linter_of(key: str) -> Linter:
    mode = "all" if key.endswith(":all") else "recommended"
    written: dict[str, Any] = {"extends": [[key.removesuffix(":all"), mode]], "rules": {}}
    if key == "adidas":  # it was recorded over the recommended rules, and not over all as it says itself
        path = SHARED / "spectral-rulesets/adidas.yaml"
        written = {**read_document(read(str(path)), str(path)).data, "extends": ["spectral:oas"]}
    catalogue = Catalogue()
    return Linter(Compiler(Rulesets(read, catalogue).define(written), catalogue).ruleset())


def expected_of(findings: Iterable[dict[str, Any]]) -> Counter[Told]:
    return Counter(
        (each["code"], tuple(map(str, each["path"])), tuple(each["range"]), each["severity"])
        for each in findings
        if each["code"] != OF_REFERENCES
    )


def told(findings: Iterable[Finding]) -> Counter[Told]:
    return Counter(
        (each.code, tuple(map(str, each.path)), each.range.numbers(), int(each.severity))
        for each in findings
        if each.code != OF_REFERENCES
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize(
    ("key", "known", "known_missing", "known_surplus"),
    [
        ("spectral:oas", 4_176, 0, 0),
        ("spectral:oas:all", 5_755, 0, 0),
        ("owasp", 38_140, 5, 0),
        ("adidas", 5_750, 3, 4),
        ("spectral:asyncapi", 116, 0, 0),
        ("spectral:asyncapi:all", 133, 0, 0),
    ],
)
def test_findings_in_real_documents_are_those_of_spectral(
    key: str, known: int, known_missing: int, known_surplus: int
) -> None:
    linter = linter_of(key)
    expected: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    surplus: Counter[str] = Counter()
    for answers in sorted((SHARED / "spectral-oracle-documents").rglob("*.expected.json.gz")):
        answer = json.loads(gzip.decompress(answers.read_bytes())).get(key, {})
        if "findings" not in answer:
            continue
        source = str(answers).removesuffix(".expected.json.gz")
        theirs = expected_of(answer["findings"])
        ours = told(linter.lint(read_document(read(source), source), read))
        expected.update(code for code, *_ in theirs.elements())
        missing.update(code for code, *_ in (theirs - ours).elements())
        surplus.update(code for code, *_ in (ours - theirs).elements())

    assert expected.total() >= MOST_OF_ALL * known
    assert LEAST_EQUAL <= 1 - missing.total() / expected.total(), missing
    assert LEAST_EQUAL <= 1 - surplus.total() / expected.total(), surplus
    if expected.total() == known:  # these documents, and no others
        assert (known_missing, known_surplus) == (missing.total(), surplus.total()), (missing, surplus)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance data is not beside this checkout")
@pytest.mark.parametrize("name", ["twilio.json", "stripe.json", "docker.yaml", "kubernetes.yaml", "github.json"])
def test_findings_in_large_documents_are_those_of_spectrals_command(name: str) -> None:
    directory = SHARED / "openapi-large"
    text = gzip.decompress((directory / f"{name}.gz").read_bytes()).decode()
    theirs = expected_of(json.loads(gzip.decompress((directory / f"{name}.spectral-oas.json.gz").read_bytes())))
    ours = told(linter_of("spectral:oas").lint(read_document(text, name, as_yaml=True)))

    assert theirs.total() > 0
    assert not theirs - ours, (theirs - ours).most_common(3)
    assert not ours - theirs, (ours - theirs).most_common(3)
