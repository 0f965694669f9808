"""Formatters: findings as texts for terminals, build servers and other programs. One module each, with ``text``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from apim_governance.formatters.report import Report

__all__ = ["FORMATS", "formatted"]

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "json": "json_text",
        "stylish": "stylish",
        "junit": "junit",
        "html": "html",
        "text": "lines",
        "teamcity": "teamcity",
        "pretty": "pretty",
        "github-actions": "github_actions",
        "sarif": "sarif",
        "code-climate": "code_climate",
        "gitlab": "gitlab",
        "markdown": "markdown",
    }
)
"""The modules of this package by the name of their format."""


def formatted(report: Report, name: str) -> str:
    """A report in the format of that name; only its module is imported."""
    text: Callable[[Report], str] = import_module(f"{__name__}.{FORMATS[name]}").text
    return text(report)
