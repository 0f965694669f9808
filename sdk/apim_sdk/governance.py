"""Governance: functions that rules call, and rulesets that are shipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

import attrs

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin

__all__ = ["JSONPath", "RuleContext", "RulesetFunction", "ShippedRuleset", "Violation"]

JSONPath = tuple[str | int, ...]
"""Where something stands in a document: ``("paths", "/orders", "get", "parameters", 0)``."""


@attrs.frozen
class Violation:
    """What is wrong, in a sentence, and where, if that is not where the rule looked."""

    message: str
    path: JSONPath | None = None


class RuleContext(Protocol):
    """What a function may look at beside its target. Nothing of it may be changed."""

    @property
    def path(self) -> JSONPath:
        """Where the target stands."""

    @property
    def rule(self) -> str:
        """The name of the rule."""

    @property
    def document(self) -> Any:
        """The whole document as it is written: mappings, lists, texts, numbers, booleans and None."""

    @property
    def resolved(self) -> Any:
        """The whole document with what its references point to in their places. It may lead back into itself."""

    @property
    def formats(self) -> frozenset[str]:
        """What the document is: ``oas3``, ``oas3.1``, ``aas2`` ..."""

    @property
    def follows_references(self) -> bool:
        """Whether the target is part of ``resolved``, not of ``document``."""


class RulesetFunction(Plugin):
    """A function of a ruleset; its fields are the function's options. One instance serves every use of a rule."""

    kind: ClassVar[str] = "ruleset function"

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        """What is wrong with the ``target``: one sentence each, nothing where all is well."""
        raise NotImplementedError(f"{type(self).__name__} must define check()")

    @hookimpl
    @classmethod
    def apim_register_ruleset_function(cls) -> type[RulesetFunction]:
        """Register the class itself."""
        return cls


class ShippedRuleset(Plugin):
    """A ruleset that comes as a plugin; others extend it by its name."""

    kind: ClassVar[str] = "ruleset"

    def definition(self) -> Mapping[str, Any]:
        """The ruleset, in the ruleset language of Spectral 6."""
        raise NotImplementedError(f"{type(self).__name__} must define definition()")

    def functions(self) -> Mapping[str, type[RulesetFunction]]:
        """Functions that only its own rules call, by name; all others are plugins."""
        return {}

    @hookimpl
    @classmethod
    def apim_register_ruleset(cls) -> type[ShippedRuleset]:
        """Register the class itself."""
        return cls
