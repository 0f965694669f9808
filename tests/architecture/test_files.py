"""Every source file says what it is for, stays small, and runs no text as code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("apim_core", "sdk/apim_sdk", "plugins")
FILES = sorted(str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
LONGEST = 410

RUNS_TEXT = {"eval", "exec", "compile", "__import__", "breakpoint"}
"""Built-in functions that run, or make runnable, a text."""

LOADS_CODE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "code", "codeop", "ctypes", "subprocess"}
"""Modules that make objects or code of bytes, or start programs."""

EXCEPTIONS = {
    (
        "plugins/governance/apim_governance/javascript/engine.py",
        "subprocess",
    ): "a module of ours in a process that gives up what it may do; functions that are allowed run there",
    ("apim_core/workers/shipping.py", "pickle"): "the supervisor's own bytes, over a socket pair to its own workers",
    (
        "sdk/apim_sdk/testing/conformance/declaration.py",
        "subprocess",
    ): "the test kit measures an import in a new process",
}
"""What is used all the same, and why that is safe. Remove an entry with its use; do not add one lightly."""


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def calls_and_imports(file: str) -> set[str]:
    """Names of built-ins that are called and the top-level modules that are imported, ``yaml.load`` among them."""
    found: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_there_are_files() -> None:
    assert len(FILES) > 150


@pytest.mark.parametrize("file", FILES)
def test_a_module_says_what_it_is_for(file: str) -> None:
    docstring = ast.get_docstring(tree(file))
    assert docstring, f"{file} has no docstring"
    assert docstring.rstrip().endswith((".", "``", ")", "]")) or "\n" in docstring, docstring


@pytest.mark.parametrize("file", FILES)
def test_a_module_is_not_too_long(file: str) -> None:
    assert len((ROOT / file).read_text().splitlines()) <= LONGEST, f"split {file}"


@pytest.mark.parametrize("file", FILES)
def test_no_text_is_run_as_code(file: str) -> None:
    forbidden = RUNS_TEXT | LOADS_CODE | {"yaml.load", "yaml.full_load", "yaml.unsafe_load", "os.system", "os.popen"}
    used = calls_and_imports(file) & forbidden
    assert {name for other, name in EXCEPTIONS if other == file} == used


def test_exceptions_are_of_files_that_are_there() -> None:
    assert [] == [file for file, _ in EXCEPTIONS if file not in FILES]


@pytest.mark.parametrize("file", FILES)
def test_no_work_is_left_for_later(file: str) -> None:
    text = (ROOT / file).read_text()
    assert [] == [word for word in ("TODO", "FIXME", "XXX", "HACK") if word in text]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_is_a_drawer_for_everything(folder: str) -> None:
    names = {path.stem for path in (ROOT / folder).rglob("*.py")}
    assert set() == names & {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
