"""A store whose library is not installed says what to install."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest

from apim_core.registry import Registry


@pytest.mark.parametrize(("name", "library"), [("redis", "redis"), ("postgresql", "asyncpg")])
def test_a_store_without_its_library_is_told_with_what_brings_it(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without(wanted: str, package: str | None = None) -> Any:
        return None if wanted == library else find(wanted, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    monkeypatch.delitem(sys.modules, f"apim_stores.{name}", raising=False)
    (found,) = [each for each in Registry().available() if each.name == name]

    assert (None, f"pip install 'apim[{name}]'") == (found.plugin, found.hint)
    assert f"needs {library!r}, which is not installed" in found.problem
