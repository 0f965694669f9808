"""Threat class 24: documents that are small and cost much; each ends in findings that say so, in bounded time and room.

They are linted as anybody would, by a process that the system ends when it takes more than the bounds.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from apim_governance.documents.limits import MOST_VALUES

APIM = Path(sys.executable).with_name("apim")
SECONDS, BYTES = 60, 2 << 30
"""Of CPU time, and of address space."""
HEAD = '{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}, '
START = "openapi: 3.1.0\n"


def schemas(**written: str) -> str:
    return (
        HEAD + '"components": {"schemas": {' + ",".join(f'"{name}": {text}' for name, text in written.items()) + "}}}"
    )


def chain(length: int, last: str) -> str:
    """Schemas of which each is a reference to the next."""
    links = {f"s{n}": f'{{"$ref": "#/components/schemas/s{n + 1}"}}' for n in range(length)}
    return schemas(**links, **{f"s{length}": last})


def doubled(length: int) -> str:
    """Schemas of which each has the next one twice."""
    links = [f'{{"$ref": "#/components/schemas/s{n + 1}"}}' for n in range(length)]
    both = {f"s{n}": f'{{"allOf": [{link}, {link}], "example": 1}}' for n, link in enumerate(links)}
    return schemas(**both, **{f"s{length}": '{"type": "string"}'})


def path_of(parameters: str) -> str:
    item = '{"get": {"responses": {"200": {"description": "d"}}}}'
    return HEAD.replace('"paths": {}', f'"paths": {{"/{parameters}": {item}}}').rstrip(", ") + "}"


def file(name: str, text: str, told: str) -> object:
    return pytest.param(text, told, id=name)


DOCUMENTS = [
    file(
        "aliases that multiply.yaml",
        START
        + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
        "its aliases stand for more than 1,000,000 values",
    ),
    file(
        "merges that multiply.yaml",
        START
        + "a0: &a0 {x: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}], k{n}: [*a{n - 1}]}}\n" for n in range(1, 60)),
        "its aliases stand for more than 1,000,000 values",
    ),
    file(
        "merges that add up.yaml",
        START + "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: 1}}\n" for n in range(1, 3_000)),
        "its aliases stand for more than 1,000,000 values",
    ),
    file("a merge of itself.yaml", START + "a: &a\n  <<: &c {<<: *a, d: 1}\n  b: 1\n", "info"),
    file("an alias of itself.yaml", START + "a: &a [*a]\n", "an alias leads back to what holds it"),
    file(
        "aliases in names.yaml",
        START + "? [&a0 [], " + ", ".join(f"&a{n} [*a{n - 1}]" for n in range(1, 3_000)) + "]\n: 1\nx: *a2999\n",
        "its aliases are nested too deeply",
    ),
    file("deep flow.yaml", START + "a: " + "[" * 10_000 + "]" * 10_000, "it is nested more than 200 deep"),
    file("deep blocks.yaml", "".join(" " * n + "a:\n" for n in range(2_000)), "it is nested more than 200 deep"),
    file("deep.json", HEAD + '"x": ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}", "it is nested too deeply"),
    file("almost too deep.json", HEAD + '"x": ' + '{"a":' * 900 + "1" + "}" * 900 + "}", "oas3-api-servers"),
    file("never closed.json", HEAD + '"x": ' + "[" * 100_000, "it is nested too deeply"),
    file("quotes that never end.json", '{"a":"' + '\\"' * 2_000_000, "Unterminated string"),
    file("too many values.json", HEAD + '"x": [' + "1," * MOST_VALUES + "1]}", "it has more than 3,000,000 values"),
    file("many empty mappings.json", HEAD + '"x": [' + "{}," * 200_000 + "{}]}", "oas3-api-servers"),
    file("many documents.yaml", "---\na: 1\n" * 50_000, "found another document"),
    file("a giant text.json", HEAD + '"x": "' + "x" * 20_000_000 + '"}', "oas3-api-servers"),
    file("giant space.json", HEAD + '"x": 1}' + " " * 20_000_000, "oas3-api-servers"),
    file("a giant name.yaml", START + "? " + "k" * 5_000_000 + "\n: {a: [1, {}]}\n", "oas3-schema"),
    file(
        "giant names, many findings.json",
        HEAD + '"x":' + ('{"' + "k" * 10_000 + '":') * 100 + '{"a": 1,' + '"a": 1,' * 10_000 + '"b": 1}' + "}" * 101,
        "Duplicate key: a",
    ),
    file("the same name again and again.json", HEAD + '"x": {' + '"a":1,' * 100_000 + '"a":1}}', "Duplicate key: a"),
    file("the same name again and again.yaml", START + "x:\n" + "  a: 1\n" * 50_000, "Duplicate key: a"),
    file("a number without end.json", HEAD + '"x": ' + "9" * 1_000_000 + "}", "a number has more than 4,300 digits"),
    file("a number without end.yaml", START + "x: " + "9" * 1_000_000 + "\n", "oas3-api-servers"),
    file(
        "numbers beyond measure.json",
        schemas(a=f'{{"type": "integer", "multipleOf": 1e-300, "maximum": 1e400, "default": {"9" * 4_000}}}'),
        "oas3-schema",
    ),
    file("a chain of references.json", chain(10_000, '{"type": "string"}'), "oas3-unused-component"),
    file("a circle of references.json", chain(10_000, '{"$ref": "#/components/schemas/s0"}'), "oas3-api-servers"),
    file("a chain to nowhere.json", chain(2_000, '{"$ref": "#/nowhere"}'), "'#/nowhere' does not exist"),
    file(
        "references through references.json",
        HEAD + '"x": {' + ",".join(f'"a{n}": {{"$ref": "#/x/a{n + 1}/b"}}' for n in range(1_000)) + ', "a1000": {}}}',
        "it leads through more than 100 references",
    ),
    file(
        "references through each other.json",
        HEAD + '"x": {"a": {"$ref": "#/x/b/c/d/e/f"}, "b": {"$ref": "#/x/a/c/d/e/f"}}}',
        "it leads through more than 100 references",
    ),
    file("a reference to a number.json", HEAD + '"x": [{"$ref": "#/x/' + "9" * 5_000 + '"}]}', "does not exist"),
    file("schemas that double.json", doubled(40), "oas3-unused-component"),
    file("parameters of one path.json", path_of("{a}" * 50_000), "unfinished"),
    file("many parameters.json", path_of("".join(f"{{a{n}}}" for n in range(20_000))), "unfinished"),
    file(
        "patterns that explode.json",
        schemas(
            **{
                f"s{n}": f'{{"type": "string", "pattern": "^(a|a|aa)+${n}", "example": "{"a" * 200}!"}}'
                for n in range(40)
            }
        ),
        "takes too long",
    ),
    file(
        "a pattern of patterns.json",
        schemas(s='{"type": "string", "pattern": "' + "(" * 50_000 + ")" * 50_000 + '", "example": "a"}'),
        "oas3-valid-schema-example",
    ),
    file(
        "a pattern that repeats repeats.json",
        schemas(s='{"type": "string", "pattern": "(((((a{1,999}){1,999}){1,999}){1,999}){1,999})$", "example": "b"}'),
        "oas3-valid-schema-example",
    ),
]


def bounded() -> None:
    """Run in the process before the command."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


@pytest.mark.parametrize(("text", "told"), DOCUMENTS)
def test_a_hostile_document_is_bounded(text: str, told: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    document = tmp_path / f"hostile{Path(request.node.callspec.id).suffix}"
    document.write_text(text)
    run = subprocess.run(
        [APIM, "lint", document, "-r", "spectral:oas", "-f", "text", "-q"],
        capture_output=True,
        text=True,
        preexec_fn=bounded,
    )
    assert (True, "") == (run.returncode in (0, 1), run.stderr[-500:])
    assert told in run.stdout, run.stdout[:500]


@pytest.mark.parametrize(
    "expression",
    [
        "$..[?(@.a.match(/^(a|a|aa)+$/))]",
        "$..*^..*^..*^..*",
        "$..*..*..*..*..*..*",
        "$..[?(@.a)]..[?(@.b)]..[?(@.a)]..[?(@.b)]..[?(@.a)]",
        "$..[?(@property.match(/^(a|a|aa)+$/))]",
        "$" + "..a" * 1_000,
        "$.x[" + ",".join(f"a{n}" for n in range(1_000)) + "]",
        "$..[?(" + " || ".join(f"@.a{n} === 'x'" for n in range(400)) + ")]",
    ],
    ids=lambda expression: expression[:40],
)
def test_an_expression_that_costs_much_is_bounded(expression: str, tmp_path: Path) -> None:
    rule = {"given": expression, "then": {"function": "falsy"}}
    (tmp_path / "rules.yaml").write_text(json.dumps({"rules": {"every": rule}}))
    deep = '{"a":' * 300 + "1" + "}" * 300
    wide = ",".join(f'"{"a" * 60}{n}!": {{"a": "{"a" * 60}!", "b": [{n}]}}' for n in range(200))
    (tmp_path / "document.json").write_text(f'{{"deep": {deep}, {wide}}}')
    run = subprocess.run(
        [APIM, "lint", "document.json", "-r", "rules.yaml", "-f", "text", "-q"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=bounded,
    )
    assert run.returncode in (0, 1), run.stderr[-500:]
    assert "Traceback" not in run.stderr
    if "match" in expression:
        assert "a regular expression in a filter takes too long" in run.stdout
