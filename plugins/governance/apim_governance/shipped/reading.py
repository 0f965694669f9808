"""Reads the definitions of shipped rulesets, which are data beside their functions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from apim_governance.documents.document import read_document

__all__ = ["definition_in"]


@lru_cache(maxsize=16)
def definition_in(package: str) -> Mapping[str, Any]:
    """The ruleset in ``ruleset.yaml`` of a package."""
    document = read_document((files(package) / "ruleset.yaml").read_text("utf-8"), f"{package}/ruleset.yaml")
    assert not document.problems, document.problems
    definition: Mapping[str, Any] = document.data
    return definition
