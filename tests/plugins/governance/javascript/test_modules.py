"""Modules of ECMAScript as bodies of functions; each is held against what QuickJS makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import quickjs
from apim_governance.javascript.modules import UnreadableModule, body_of

HARNESS = """
globalThis.evaluated = (file) => {
  const module = { exports: {} }, asked = [];
  const require = (name) => { asked.push(name); return { default: 'd', a: 'A', b: 'B' }; };
  file(module, module.exports, require);
  return JSON.stringify({ exports: module.exports, asked });
};
"""


def evaluated(source: str) -> Any:
    context = quickjs.Context()
    context.eval(HARNESS)
    return json.loads(context.eval(f"evaluated(function (module, exports, require) {{{body_of(source)}\n}})"))


@pytest.mark.parametrize(
    ("source", "exported"),
    [
        ("export default 1", 1),
        ("export default 1;\n", 1),
        ("/* export default 2 */ export /* x */\ndefault 1 // export default 3", None),
        ("export default [function named() { return 1 }][0]()", 1),
        ("const x = 1; export { x as default }", 1),
        ("const x = 1, y = 2; export { y, x as default, };", 1),
        ("export const y = 2; export default y - 1;", 1),
        ("export default class {}", None),
        ("const s = 'export default 2'; export default 1", 1),
        ('const s = "export default \\" 2"; export default 1', 1),
        ("const s = `export default ${`import ${'x'}`} }`; export default s.length", 25),
        ("const s = /export default [/`'\"]/.test('x'); export default 1", 1),
        ("const a = 4, g = 2, s = a / 2 / g; export default s", 1),
        ("const a = [4]; const s = a[0] / 2; const t = '/'; export default s", 2),
        ("const o = { import: 1, export: 2 }; export default o.export - o.import", 1),
        ("const f = (x) => { if (x) { return /}'/.test(x) } }; export default f(\"}'\") ? 1 : 0", 1),
        ("export default 1\nexport function later() { return 2 }\nexport async function never() {}", 1),
    ],
)
def test_what_is_exported_by_default(source: str, exported: object) -> None:
    if exported is None:
        with pytest.raises((UnreadableModule, KeyError)):
            evaluated(source)["exports"]["default"]  # a class is no JSON, and a comment no export
        return
    assert exported == evaluated(source)["exports"]["default"]


@pytest.mark.parametrize("declared", ["function n() {}", "async function n() {}", "function* n() {}", "class n {}"])
def test_a_declaration_keeps_its_name(declared: str) -> None:
    source = f"export default {declared}\nexport {{ kind }}; const kind = typeof n"
    assert "function" == evaluated(source)["exports"]["kind"]


def test_a_declared_function_is_there_before_its_line() -> None:
    source = "const kind = typeof n; export { kind }; export default function n() {}"
    assert "function" == evaluated(source)["exports"]["kind"]


@pytest.mark.parametrize(
    ("statement", "bound", "value"),
    [
        ("import x from 'm'", "x", "d"),
        ("import { a } from 'm';", "a", "A"),
        ('import { a as x, b, } from "m"', "x + b", "AB"),
        ("import x, { b } from 'm'", "x + b", "dB"),
        ("import {\n  a,\n  b,\n} from 'm'", "a + b", "AB"),
        ("import * as m from 'm'", "m.a", "A"),
        ("import x, * as m from 'm'", "x + m.b", "dB"),
        ("import 'm'", "'none'", "none"),
        ("import{a}from'm'", "a", "A"),
        ("const { a } = require('m')", "a", "A"),
    ],
)
def test_what_is_imported_is_required(statement: str, bound: str, value: str) -> None:
    told = evaluated(f"{statement}\nexport default {bound}")
    assert (["m"], value) == (told["asked"], told["exports"]["default"])


def test_lines_stay_where_they_are() -> None:
    source = "import {\n  a,\n  b\n} from 'm';\n\nexport default\n  missing;\n"
    assert "missing" in body_of(source).splitlines()[6]


def test_a_file_of_commonjs_stays_as_it_is() -> None:
    source = "const { a } = require('m'); module.exports = a;"
    assert source == body_of(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("\nexport * from 'm'", "line 2: it exports what another module has"),
        ("export { a } from 'm'", "line 1: it exports what another module has"),
        ("import a b from 'm'", "line 1: this import is not understood"),
        ("export 1", "line 1: this import or export is not understood"),
        ("import x from y", "line 1: this import or export is not understood"),
        ("const x = `a ${", None),
        ("const x = `a", "line 1: a template has no end"),
    ],
)
def test_what_cannot_be_rewritten_is_told_with_its_line(source: str, message: str | None) -> None:
    if message is None:
        assert source == body_of(source)
        return
    with pytest.raises(UnreadableModule, match=message):
        body_of(source)
