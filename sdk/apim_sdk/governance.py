"""Governance functions: what rules over API definitions call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["RulesetFunction"]


class RulesetFunction(Plugin):
    """A function of a ruleset; its fields are the function's options."""

    kind: ClassVar[str] = "ruleset function"

    def check(self, target: Any, path: tuple[str | int, ...]) -> Iterable[str]:
        """What is wrong with the ``target`` that stands at ``path`` of a document: one sentence each."""
        raise NotImplementedError(f"{type(self).__name__} must define check()")

    @hookimpl
    @classmethod
    def apim_register_ruleset_function(cls) -> type[RulesetFunction]:
        """Register the class itself."""
        return cls
