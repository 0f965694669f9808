"""What rulesets may write beside rules: aliases, exceptions, overrides, options of functions and of the parser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from apim_governance.documents.document import read_document
from apim_governance.guarded import files_below
from apim_governance.linter import Linter
from apim_governance.rulesets.compiling import Compiler
from apim_governance.rulesets.reading import RulesetError, Rulesets

OAS2 = "swagger: '2.0'\ninfo: {title: a}\nitems: [x]\n"
OAS3 = "openapi: 3.1.0\ninfo: {title: a}\nitems: [x]\n"
ASYNC = "asyncapi: 2.6.0\ninfo: {title: a}\nitems: [x]\n"


def compiler(folder: Path, **files: str) -> Compiler:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return Compiler.of(Rulesets(files_below([folder])), str(folder / "ours.yaml"))


def found(compiled: Compiler, text: str, source: Path | None = None) -> list[tuple[str, str]]:
    """Codes of findings, and where."""
    name = None if source is None else str(source)
    ruleset = compiled.ruleset(name)
    findings = Linter(ruleset, ignore_unknown_format=True).lint(read_document(text, name, ruleset.parser_options))
    return [(finding.code, "/".join(map(str, finding.path))) for finding in findings]


def problems(folder: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(RulesetError) as caught:
        compiler(folder, ours=text)
    return [("/".join(map(str, problem.path)), problem.message) for problem in caught.value.problems]


RULE = "rules:\n  r: {{given: {given}, then: {{function: falsy}}}}\n"


@pytest.mark.parametrize(
    ("aliases", "given", "places"),
    [
        ("{Title: ['$.info.title']}", "'#Title'", ["info/title"]),
        ("{Title: '$.info.title'}", "'#Title'", ["info/title"]),
        ("{Info: [$.info]}", "'#Info.title'", ["info/title"]),
        ("{Info: [$.info], Title: ['#Info.title']}", "'#Title'", ["info/title"]),
        ("{Both: [$.info.title, '$.items[*]']}", "'#Both'", ["info/title", "items/0"]),
        ("{Info: [$.info], Items: [$.items]}", "['#Info.title', '#Items[*]']", ["info/title", "items/0"]),
    ],
)
def test_an_alias_stands_for_expressions(tmp_path: Path, aliases: str, given: str, places: list[str]) -> None:
    compiled = compiler(tmp_path, ours=f"aliases: {aliases}\n{RULE.format(given=given)}")
    assert places == [place for _, place in found(compiled, OAS3)]


def test_an_alias_means_other_expressions_in_documents_of_other_formats(tmp_path: Path) -> None:
    targets = "[{formats: [oas2], given: [$.info.title]}, {formats: [oas3], given: ['$.items[*]']}]"
    compiled = compiler(
        tmp_path,
        ours=f"formats: [oas2, oas3]\naliases: {{It: {{targets: {targets}}}}}\n"
        + RULE.format(given=chr(39) + "#It" + chr(39)),
    )
    assert [["info/title"], ["items/0"], []] == [
        [place for _, place in found(compiled, each)] for each in (OAS2, OAS3, ASYNC)
    ]


def test_aliases_of_a_ruleset_are_for_its_own_rules(tmp_path: Path) -> None:
    base = f"aliases: {{It: [$.info.title]}}\n{RULE.format(given=chr(39) + '#It' + chr(39))}"
    compiled = compiler(tmp_path, base=base, ours="extends: base.yaml\naliases: {It: ['$.items[*]']}\n")
    assert [("r", "info/title")] == found(compiled, OAS3)


def test_a_rule_may_use_an_alias_of_what_its_ruleset_extends(tmp_path: Path) -> None:
    base = "aliases: {It: [$.info.title]}\nrules: {}\n"
    compiled = compiler(tmp_path, base=base, ours="extends: base.yaml\n" + RULE.format(given="'#It'"))
    assert [("r", "info/title")] == found(compiled, OAS3)


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ("{}", 'Alias "It" does not exist'),
        ("{It: ['#It.a']}", 'Alias "It" is circular'),
        ("{It: ['#That'], That: ['#It']}", 'Alias "It" is circular'),
        ("{It: ['$[']}", None),
    ],
)
def test_an_alias_that_cannot_be_used_is_told_where_it_is_used(
    tmp_path: Path, aliases: str, message: str | None
) -> None:
    told = problems(tmp_path, f"aliases: {aliases}\n{RULE.format(given=chr(39) + '#It' + chr(39))}")
    assert ["rules/r/given"] == [path for path, _ in told]
    assert message in (None, told[0][1])


@pytest.mark.parametrize(
    ("excepted", "file", "places"),
    [
        ("{'api.yaml': [r]}", "api.yaml", []),
        ("{'other.yaml': [r]}", "api.yaml", ["info/title", "items/0"]),
        ("{'**/*.yaml': [r]}", "v1/api.yaml", []),
        ("{'api.yaml#/info': [r]}", "api.yaml", ["items/0"]),
        ("{'#/items/0': [r]}", "v1/api.yaml", ["info/title"]),
        ("{'api.yaml#/info/title': [r], 'api.yaml#/items': [r]}", "api.yaml", []),
    ],
)
def test_rules_are_off_where_they_are_excepted(tmp_path: Path, excepted: str, file: str, places: list[str]) -> None:
    rules = RULE.format(given="[$.info.title, '$.items[*]']")
    compiled = compiler(tmp_path, ours=f"except: {excepted}\n{rules}")
    assert places == [place for _, place in found(compiled, OAS3, tmp_path / file)]


def test_exceptions_come_behind_overrides(tmp_path: Path) -> None:
    override = "overrides: [{files: ['*.yaml'], rules: {r: error}}]\n"
    compiled = compiler(tmp_path, ours=f"{override}except: {{'api.yaml': [r]}}\n{RULE.format(given='$.info.title')}")
    assert [[], [("r", "info/title")]] == [
        found(compiled, OAS3, tmp_path / name) for name in ("api.yaml", "other.yaml")
    ]


@pytest.mark.parametrize(
    ("excepted", "told"),
    [
        ("[r]", ("except", '"except" must be an object, and "overrides" a list')),
        ("{'api.yaml': r}", ("except/api.yaml", "must be a list of names of rules")),
        ("{'api.yaml': [1]}", ("except/api.yaml", "must be a list of names of rules")),
    ],
)
def test_exceptions_that_are_none_are_told(tmp_path: Path, excepted: str, told: tuple[str, str]) -> None:
    assert [told] == problems(tmp_path, f"except: {excepted}\n{RULE.format(given='$')}")


TWICE = "a: 1\na: 2\n"


@pytest.mark.parametrize(
    ("options", "severity"),
    [
        ("{}", 0),
        ("{duplicateKeys: error}", 0),
        ("{duplicateKeys: warn}", 1),
        ("{duplicateKeys: hint}", 3),
        ("{duplicateKeys: 2}", 2),
        ("{duplicateKeys: 'off'}", None),
    ],
)
def test_parser_options_say_what_a_key_that_is_there_twice_is(
    tmp_path: Path, options: str, severity: int | None
) -> None:
    ruleset = compiler(tmp_path, ours=f"parserOptions: {options}\n{RULE.format(given='$.b')}").ruleset()
    told = read_document(TWICE, None, ruleset.parser_options).problems
    assert ([] if severity is None else [severity]) == [int(each.severity) for each in told]


def test_parser_options_say_what_a_key_that_is_no_text_is(tmp_path: Path) -> None:
    severities = []
    for level in ("error", "info", "off"):
        text = f"parserOptions: {{incompatibleValues: '{level}'}}\n{RULE.format(given='$.b')}"
        told = read_document("1: a\n", None, compiler(tmp_path, ours=text).ruleset().parser_options).problems
        severities.append([int(each.severity) for each in told])
    assert [[0], [2], []] == severities


def test_parser_options_are_those_of_the_ruleset_itself(tmp_path: Path) -> None:
    base = f"parserOptions: {{duplicateKeys: hint, incompatibleValues: hint}}\n{RULE.format(given='$.b')}"
    options = compiler(tmp_path, base=base, ours="extends: base.yaml\nparserOptions: {duplicateKeys: warn}\n").ruleset()
    told = read_document(TWICE + "1: a\n", None, options.parser_options).problems
    assert [0, 1] == sorted(int(each.severity) for each in told)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{duplicateKey: error}", "is no parser option"),
        ("{duplicateKeys: fatal}", "the value has to be one of: 0, 1, 2, 3 or "),
        ("{duplicateKeys: 9}", "the value has to be one of: 0, 1, 2, 3 or "),
    ],
)
def test_a_parser_option_that_there_is_not_is_told(tmp_path: Path, options: str, expected: str) -> None:
    ((path, message),) = problems(tmp_path, f"parserOptions: {options}\n{RULE.format(given='$')}")
    assert (True, True) == (path.startswith("parserOptions/"), message.startswith(expected))


@pytest.mark.parametrize(
    ("then", "path", "message"),
    [
        ("{function: pattern}", "rules/r/then/functionOptions", '"pattern" function has invalid options specified'),
        (
            "{function: pattern, functionOptions: {mtch: a}}",
            "rules/r/then/functionOptions/mtch",
            '"pattern" function does not support "mtch" option',
        ),
        ("{function: truthy, functionOptions: {a: 1}}", "rules/r/then/functionOptions", "does not accept any options"),
        (
            "[{function: truthy}, {function: length, functionOptions: {min: a}}]",
            "rules/r/then/1/functionOptions/min",
            '"min"',
        ),
    ],
)
def test_options_that_a_function_does_not_take_are_told_with_their_place(
    tmp_path: Path, then: str, path: str, message: str
) -> None:
    told = problems(tmp_path, f"rules:\n  r: {{given: $, then: {then}}}\n")
    assert path in [place for place, _ in told]
    assert any(message in text for _, text in told)


def test_options_of_a_function_are_those_that_a_rule_gives_it(tmp_path: Path) -> None:
    rules = "rules:\n  short: {given: $.info.title, then: {function: length, functionOptions: {min: 2}}}\n"
    compiled: Any = compiler(tmp_path, ours=rules)
    assert [("short", "info/title")] == found(compiled, OAS3)
    assert [] == found(compiled, OAS3.replace("title: a", "title: aa"))


def test_the_keys_beside_rules_of_the_guide_do_what_it_says(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parents[4] / "docs/guide/governance/writing-rules.md").read_text()
    section = guide[guide.index("## Beside rules") :]
    (text,) = re.findall(r'```yaml title="ours.yaml"\n(.*?)```', section, re.DOTALL)
    compiled = compiler(tmp_path, shared="rules: {}\n", ours=text)

    def codes(name: str) -> dict[tuple[str, str], int]:
        ruleset = compiled.ruleset(str(tmp_path / name))
        api = "openapi: 3.1.0\ninfo: {title: a, version: '1'}\npaths: {/orders: {get: {}}, /other: {get: {}}}\n"
        findings = Linter(ruleset).lint(read_document(api, str(tmp_path / name), ruleset.parser_options))
        return {(each.code, "/".join(map(str, each.path))): int(each.severity) for each in findings}

    assert ("operation-tags", "paths//orders/get") in codes("v1/orders.yaml")
    assert ("operation-tags", "paths//orders/get") not in codes("legacy/old/api.yaml")
    told = codes("v1/orders.yaml").items()
    described = {path: severity for (code, path), severity in told if code == "operation-description"}
    assert {"paths//orders/get": 3, "paths//other/get": 1} == described
    assert ("info-contact", "info") in codes("v1/orders.yaml")
    assert ("info-contact", "info") not in codes("v1/users.yaml")


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ("rules: {r: {given: $}}", "rules/r", 'the rule must have at least "given" and "then" properties'),
        ("rules: {r: {given: $, then: {function: truthy}, recomended: false}}", "rules/r", "must NOT have additional"),
        ("rules: {r: {given: $, then: {function: truthy}, recommended: 1}}", "rules/r/recommended", "must be boolean"),
        ("rules: {r: {given: $, then: {function: truthy}, resolved: a}}", "rules/r/resolved", "must be boolean"),
        ("rules: {r: {given: $, then: {function: truthy}, message: 1}}", "rules/r/message", "must be string"),
        ("rules: {r: {given: $, then: {function: truthy}, tags: a}}", "rules/r/tags", "must be array"),
        ("rules: {r: {given: $, then: {function: truthy}, type: odd}}", "rules/r/type", "allowed types are"),
        ("rules: {r: {given: $, then: {function: truthy}, formats: oas3}}", "rules/r/formats", "must be an array of"),
        (
            "rules: {r: {given: $, then: {function: truthy}, formats: [oas9]}}",
            "rules/r/formats/0",
            "there is no format",
        ),
        (
            "rules: {r: {given: $, then: {function: truthy}, documentationUrl: a}}",
            "rules/r/documentationUrl",
            "must be",
        ),
        ("rules: {r: {given: '#~', then: {function: truthy}}}", "rules/r/given", "Alias must match"),
        ("rules: {}\naliases: {1a: [$]}", "aliases", "to avoid confusion"),
        ("rules: {}\naliases: {A: []}", "aliases/A", "must be a non-empty array of expressions"),
        ("rules: {}\naliases: {A: {targets: []}}", "aliases/A", "targets must be present"),
        ("rules: {}\naliases: {A: {targets: [{given: [$]}]}}", "aliases/A/targets/0", "a valid target must contain"),
        ("rules: {}\naliases: {A: {targets: [7]}}", "aliases/A/targets/0", "a valid target must contain"),
        ("rules: {}\naliases: 7", "aliases", "must be an object"),
        ("rules: {}\nformats: [oas9]", "formats/0", "there is no format"),
        ("rules: {}\nformats: oas3", "formats", "must be an array of formats"),
        ("rules: {}\nrulez: {}", "", "must NOT have additional properties"),
        ("rules: {}\nparserOptions: 7", "parserOptions", "must be an object"),
        ("overrides: []", "overrides", "must not be empty"),
        ("overrides: {}", "overrides", "must be a list"),
        ("rules: {}\noverrides: [{rules: {}}]", "overrides/0", 'an override must have "files"'),
        ("rules: {}\noverrides: [{files: [a], rules: 7}]", "overrides/0/rules", "must be an object"),
        ("rules: {}\noverrides: [{files: ['a#/b'], rules: {r: odd}}]", "overrides/0/rules/r", "the value has to be"),
        (
            "rules: {}\noverrides: [{files: [a], rules: {r: {given: $, then: {function: odd}}}}]",
            "overrides/0/rules/r/then/function",
            'Function "odd" is not defined',
        ),
    ],
)
def test_what_is_wrong_with_a_ruleset_is_told_with_its_place(
    tmp_path: Path, written: str, path: str, message: str
) -> None:
    assert any(place == path and message in told for place, told in problems(tmp_path, written))
