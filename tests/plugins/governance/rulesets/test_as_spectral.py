"""What rulesets mean: extended, overridden, with formats and aliases; Spectral 6.16.3 tells what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from apim_governance.documents.document import read_document
from apim_governance.guarded import files_below
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import Rulesets

API: Final = """\
openapi: 3.0.3
info: {title: a, description: b}
paths: {/a: {get: {summary: s}}}
"""


@attrs.frozen
class Case:
    """A ruleset (``ours``, with others beside it), a document by its name, and what is found: rule, place, severity."""

    ours: str
    found: list[tuple[str, str, int]]
    others: dict[str, str] = attrs.field(factory=dict)
    name: str = "v1/api.yaml"
    text: str = API


def rule(name: str, given: str = "$.info.title", **more: Any) -> str:
    written = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  {name}: {{given: '{given}', then: {{function: falsy}}{written}}}\n"


SHY: Final = "rules:\n" + rule("loud") + rule("shy", recommended="false")
TITLE, DESCRIPTION = "info/title", "info/description"
CASES: Final = {
    "extended": Case("extends: base.yaml\n", [("loud", TITLE, 1)], {"base": SHY}),
    "extended-all": Case("extends: [[base.yaml, all]]\n", [("loud", TITLE, 1), ("shy", TITLE, 1)], {"base": SHY}),
    "extended-off": Case("extends: [[base.yaml, 'off']]\nrules: {shy: error}\n", [("shy", TITLE, 0)], {"base": SHY}),
    "all-reaches-what-is-extended-there": Case(
        "extends: [[middle.yaml, all]]\n",
        [("loud", TITLE, 1), ("shy", TITLE, 1)],
        {"base": SHY, "middle": "extends: base.yaml\n"},
    ),
    "off-reaches-what-is-extended-there": Case(
        "extends: [[middle.yaml, 'off']]\n", [], {"base": SHY, "middle": "extends: [[base.yaml, all]]\n"}
    ),
    "all-does-not-undo-a-severity-of-off": Case(
        "extends: [[middle.yaml, all]]\n",
        [("shy", TITLE, 1)],
        {"base": SHY, "middle": "extends: base.yaml\nrules: {loud: 'off'}\n"},
    ),
    "all-undoes-false": Case(
        "extends: [[middle.yaml, all]]\n",
        [("loud", TITLE, 1), ("shy", TITLE, 1)],
        {"base": SHY, "middle": "extends: base.yaml\nrules: {loud: false}\n"},
    ),
    "true-does-not-give-a-severity": Case(
        "extends: middle.yaml\nrules: {loud: true}\n",
        [],
        {"base": SHY, "middle": "extends: base.yaml\nrules: {loud: 'off'}\n"},
    ),
    "the-last-of-two-rulesets-counts": Case(
        "extends: [one.yaml, two.yaml]\n",
        [("r", DESCRIPTION, 3)],
        {"one": "rules:\n" + rule("r"), "two": "rules:\n" + rule("r", "$.info.description", severity="hint")},
    ),
    "formats-of-a-ruleset-are-for-its-own-rules": Case(
        "extends: base.yaml\nformats: [oas2]\nrules:\n" + rule("mine"),
        [("base", TITLE, 1)],
        {"base": "formats: [oas3]\nrules:\n" + rule("base")},
    ),
    "formats-of-a-rule": Case(
        "formats: [oas2]\nrules:\n" + rule("r", formats="[oas3_0]") + rule("s", formats="[oas3.1]"),
        [("r", TITLE, 1)],
    ),
    "no-format-fits": Case("formats: [oas2]\nrules:\n" + rule("r"), [("unrecognized-format", "", 1)]),
    "the-last-target-counts": Case(
        "formats: [oas3, oas3.0]\naliases: {It: {targets: [{formats: [oas3.0], given: [$.info.title]}, "
        "{formats: [oas3], given: [$.info.description]}]}}\nrules:\n" + rule("r", "#It"),
        [("r", DESCRIPTION, 1)],
    ),
    "targets-know-formats-of-rules-only": Case(
        "aliases: {It: {targets: [{formats: [oas3], given: [$.info.title]}]}}\nrules:\n" + rule("r", "#It"), []
    ),
    "override": Case("overrides: [{files: ['v1/*.yaml'], rules: {r: error}}]\nrules:\n" + rule("r"), [("r", TITLE, 0)]),
    "override-of-names": Case(
        "overrides: [{files: ['*.yaml'], rules: {r: error}}]\nrules:\n" + rule("r"), [("r", TITLE, 0)]
    ),
    "override-for-others": Case(
        "overrides: [{files: ['v2/*'], rules: {r: error}}]\nrules:\n" + rule("r"), [("r", TITLE, 1)]
    ),
    "override-for-all-but": Case(
        "overrides: [{files: ['!v2/*'], rules: {r: error}}]\nrules:\n" + rule("r"), [("r", TITLE, 0)]
    ),
    "override-brings-a-rule": Case(
        "rules: {}\noverrides: [{files: ['**'], rules: {n: {given: $.info, then: {function: falsy}}}}]\n",
        [("n", "info", 1)],
    ),
    "override-extends": Case(
        "rules:\n" + rule("r") + "overrides: [{files: ['**'], extends: [[base.yaml, all]]}]\n",
        [("loud", TITLE, 1), ("r", TITLE, 1), ("shy", TITLE, 1)],
        {"base": SHY},
    ),
    "override-extends-instead-of": Case(
        "extends: base.yaml\noverrides: [{files: ['**'], extends: [other.yaml]}]\n",
        [("r", TITLE, 1)],
        {"base": SHY, "other": "rules:\n" + rule("r")},
    ),
    "two-overrides": Case(
        "rules:\n"
        + rule("r")
        + rule("s")
        + "overrides: [{files: ['**'], rules: {r: error, s: hint}}, {files: ['v1/*'], rules: {r: info}}]\n",
        [("r", TITLE, 2), ("s", TITLE, 3)],
    ),
    "overrides-of-what-is-extended-do-not-count": Case(
        "extends: base.yaml\n",
        [("r", TITLE, 1)],
        {"base": "overrides: [{files: ['**'], rules: {r: error}}]\nrules:\n" + rule("r")},
    ),
    "place": Case(
        "rules:\n" + rule("r", "$.info[*]") + "overrides: [{files: ['**#/info/title'], rules: {r: error}}]\n",
        [("r", TITLE, 0), ("r", DESCRIPTION, 1)],
    ),
    "the-nearest-place-counts": Case(
        "rules:\n"
        + rule("r", "$.info[*]")
        + "overrides: [{files: ['**#/info/title'], rules: {r: error}}, {files: ['**#/info'], rules: {r: 'off'}}]\n",
        [("r", TITLE, 0)],
    ),
    "a-place-turns-a-rule-on": Case(
        "rules:\n"
        + rule("r", "$.info[*]", recommended="false")
        + "overrides: [{files: ['**#/info/title'], rules: {r: error}}]\n",
        [("r", TITLE, 0), ("r", DESCRIPTION, 1)],
    ),
    "a-place-of-a-rule-without-severity": Case(
        "rules:\n"
        + rule("r", "$.info[*]", severity="'off'")
        + "overrides: [{files: ['**#/info/title'], rules: {r: hint}}]\n",
        [("r", TITLE, 3)],
    ),
    "a-place-is-percent-encoded": Case(
        "rules:\n" + rule("r", "$.paths[*]") + "overrides: [{files: ['**#/paths/~1a%7Bid%7D'], rules: {r: error}}]\n",
        [("r", "paths//a{id}", 0)],
        text="paths: {'/a{id}': {get: {}}}\n",
    ),
    "except": Case(
        "except: {'v1/api.yaml#/info/title': [r]}\nrules:\n" + rule("r", "$.info[*]"), [("r", DESCRIPTION, 1)]
    ),
    "renamed": Case(
        "extends: [[base.yaml, all]]\nrules: {operation-2xx-response: 'off'}\n",
        [],
        {"base": "rules:\n" + rule("operation-default-response")},
    ),
    "of-two-names-the-more-severe-counts": Case(
        "extends: base.yaml\nrules: {oas3-unused-components-schema: error, oas3-unused-components: hint}\n",
        [("oas3-unused-components", TITLE, 0)],
        {"base": "rules:\n" + rule("oas3-unused-components")},
    ),
    "given-as-list": Case(
        "rules:\n  r: {given: [$.info.title, $.info.description], then: [{function: falsy}, {function: undefined}]}\n",
        [("r", TITLE, 1), ("r", TITLE, 1), ("r", DESCRIPTION, 1), ("r", DESCRIPTION, 1)],
    ),
    "severity-as-number": Case("rules:\n" + rule("r", severity="3") + rule("s", severity="-1"), [("r", TITLE, 3)]),
    "an-anchor-may-be-there-twice": Case(
        "rules:\n" + rule("r", "$.y"), [("r", "y", 1)], text="x: &it 0\nz: &it 2\ny: *it\n"
    ),
    "merges-are-no-duplicates": Case(
        "rules:\n" + rule("r", "$.y.b"),
        [("r", "y/b", 1)],
        text="w: &one {a: 1}\nx: &two {b: 1}\ny:\n  <<: *one\n  <<: *two\n",
    ),
    "what-says-the-same-of-references-is-told-once": Case(
        "rules:\n" + rule("r", "$.none"),
        [("invalid-ref", "b/$ref", 0)],
        text="b: {$ref: '#/none'}\na: {$ref: '#/none'}\n",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rulesets_mean_what_they_mean_to_spectral(case: Case, tmp_path: Path) -> None:
    for name, text in {"ours": case.ours, **case.others}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    compiled = Compiler.of(Rulesets(files_below([tmp_path])), str(tmp_path / "ours.yaml"))
    source = str(tmp_path / case.name)
    ruleset = compiled.ruleset(source)

    findings = Linter(ruleset).lint(read_document(case.text, source, ruleset.parser_options, as_yaml=True))

    assert case.found == [(each.code, "/".join(map(str, each.path)), int(each.severity)) for each in findings]


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("rules:\n" + rule("r"), None),
        ("documentationUrl: https://a.example\nrules:\n" + rule("r"), "https://a.example#r"),
        (
            "documentationUrl: https://a.example\nrules:\n" + rule("r", documentationUrl="https://b.example"),
            "https://b.example",
        ),
        ("documentationUrl: https://a.example\nextends: base.yaml\nrules: {r: error}\n", "https://a.example#r"),
        ("documentationUrl: https://a.example\nextends: base.yaml\n", None),
    ],
)
def test_a_rule_is_described_where_the_ruleset_that_names_it_says(
    tmp_path: Path, written: str, url: str | None
) -> None:
    (tmp_path / "base.yaml").write_text("rules:\n" + rule("r"))
    (tmp_path / "ours.yaml").write_text(written)

    ruleset = Compiler.of(Rulesets(files_below([tmp_path])), str(tmp_path / "ours.yaml")).ruleset()

    assert url == ruleset.rules["r"].documentation_url
