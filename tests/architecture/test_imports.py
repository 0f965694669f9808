"""Importing does no work, the core knows no plugin, and plugins know the SDK only."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POINTS = [point for point in entry_points(group="apim.plugins") if point.dist is not None and point.dist.name == "apim"]
PLUGIN_PACKAGES = {point.value.partition(".")[0] for point in POINTS}

WATCH = """
import json, sys, time
seen = []
def hook(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "sqlite3.")):
        seen.append(event)
    elif event == "open" and (arguments[1] or "r") not in ("r", "rb"):
        seen.append(f"open {arguments[0]} {arguments[1]}")
sys.dont_write_bytecode = True
sys.addaudithook(hook)
before = time.process_time()
"""


def imported(statements: str) -> tuple[float, list[str], list[str]]:
    """CPU seconds of some statements in a new process, what they opened, and the modules that are there then."""
    program = f"{WATCH}{statements}\nprint(json.dumps([time.process_time() - before, seen, list(sys.modules)]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)
    seconds, seen, modules = json.loads(done.stdout.splitlines()[-1])
    return seconds, seen, modules


def test_importing_the_core_takes_less_than_150_ms_and_loads_nothing_else() -> None:
    runs = [imported("import apim_core") for _ in range(5)]
    assert min(seconds for seconds, _, _ in runs) < 0.150
    assert [] == [name for name in runs[0][2] if name.partition(".")[0] in {"aiohttp", "yaml", "apim_sdk"}]


def test_importing_the_sdk_is_quick() -> None:
    assert min(imported("import apim_sdk")[0] for _ in range(5)) < 0.5


EVERY_MODULE = """
import importlib, pkgutil, apim_core, apim_sdk
for package in (apim_core, apim_sdk):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if ".template" not in module.name and ".testing" not in module.name:
            importlib.import_module(module.name)
"""


def test_importing_every_module_opens_nothing_and_starts_nothing() -> None:
    _, seen, modules = imported(EVERY_MODULE)
    assert "apim_core.gateway" in modules
    assert [] == seen


def test_importing_every_module_of_the_core_imports_no_plugin() -> None:
    _, _, modules = imported(EVERY_MODULE)
    assert set() == PLUGIN_PACKAGES & {name.partition(".")[0] for name in modules}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


CORE = sorted((ROOT / "apim_core").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_no_plugin(path: Path) -> None:
    modules = PLUGIN_PACKAGES | {point.module for point in POINTS}
    assert set() == {name for name in imports(path) if name.partition(".")[0] in modules or name in modules}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_neither_the_core_nor_another_kind(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[1]
    tops = {name.partition(".")[0] for name in imports(path)}
    assert set() == tops & ({"apim_core", *PLUGIN_PACKAGES} - {own})


@pytest.mark.parametrize(
    "path", sorted((ROOT / "sdk" / "apim_sdk").glob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_sdk_imports_itself_attrs_and_pluggy_only(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(path)}
    assert set() == tops - set(sys.stdlib_module_names) - {"apim_sdk", "attrs", "pluggy"}
