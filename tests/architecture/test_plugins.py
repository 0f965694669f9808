"""What belongs to a plugin is found by its name: its module, its tests, its page."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POINTS = [point for point in entry_points(group="apim.plugins") if point.dist is not None and point.dist.name == "apim"]
each = pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)


def module_of(point: EntryPoint) -> Path:
    """The file or package of a plugin, below the folder of its kind."""
    package, _, module = point.module.partition(".")
    return ROOT / "plugins" / package.removeprefix("apim_") / package / module


def test_what_is_installed_is_what_the_project_lists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["apim.plugins"] == {point.name: point.value for point in POINTS}


@each
def test_a_plugin_is_named_after_its_module(point: EntryPoint) -> None:
    assert point.name.replace("-", "_") == module_of(point).name
    assert module_of(point).is_dir() or module_of(point).with_suffix(".py").is_file()


@each
def test_a_plugin_has_tests_of_its_name(point: EntryPoint) -> None:
    kind, name = module_of(point).parts[-3], module_of(point).name
    tests = ROOT / "tests" / "plugins" / kind
    assert (tests / f"test_{name}.py").is_file() or (tests / name).is_dir()


@each
def test_a_plugin_has_a_page(point: EntryPoint) -> None:
    assert (ROOT / "docs" / "reference" / "plugins" / f"{point.name}.md").is_file()


@each
def test_a_class_of_a_plugin_says_how_far_to_trust_it(point: EntryPoint) -> None:
    plugin = point.load()
    assert plugin.__doc__
    assert plugin.status.value in ("stable", "beta", "experimental")
    assert plugin.posture.value
