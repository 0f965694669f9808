"""The SDK finds the engine that is installed beside it."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest
from apim_sdk import engine as module
from apim_sdk.engine import engine


@pytest.fixture
def installed(monkeypatch):
    """Says which engines are installed, for one test."""

    def install(*values):
        points = EntryPoints(EntryPoint("engine", value, "apim.engine") for value in values)
        monkeypatch.setattr(module, "entry_points", lambda group: points)
        engine.cache_clear()

    yield install
    engine.cache_clear()


def test_the_installed_engine_is_found_once():
    assert engine() is engine()


def test_an_engine_is_what_the_entry_point_makes(installed):
    installed("builtins:dict")

    assert {} == engine()


@pytest.mark.parametrize("values", [(), ("builtins:dict", "builtins:list")])
def test_none_or_several_engines_are_an_error_that_says_what_to_install(installed, values):
    installed(*values)

    with pytest.raises(RuntimeError, match=f"found {len(values)}: install the package 'apim'"):
        engine()
