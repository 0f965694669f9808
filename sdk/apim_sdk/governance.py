"""Governance: functions that rules call, rulesets that are shipped, and who judges what a gateway is to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

import attrs

from apim_sdk.hookspecs import hookimpl
from apim_sdk.plugin import Plugin
from apim_sdk.resources import Resource

__all__ = [
    "GovernedDocument",
    "Governor",
    "JSONPath",
    "Judgement",
    "RuleContext",
    "RulesetFunction",
    "ShippedRuleset",
    "Violation",
]

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


@attrs.frozen
class GovernedDocument:
    """A document that says something of an API: its part of the configuration, its definition, what a plugin brings.

    ``text`` is the whole of a file, and ``pointer`` (RFC 6901) leads to the part of it that is meant. References to
    secrets and the environment stand in it as they were written.
    """

    api: str
    """Name of the API."""
    version: str
    """Version of the API."""
    text: str = attrs.field(repr=False)
    source: str
    """The file, or another name that tells a reader where the text is from."""
    pointer: str = ""
    labels: tuple[str, ...] = ()
    """Labels of the API."""


@attrs.frozen
class Judgement:
    """One thing that governance has to say of a configuration; ``line`` and ``column`` count from 1."""

    message: str
    rule: str
    severity: Literal["error", "warn", "info", "hint"]
    source: str
    line: int
    column: int
    blocks: bool = False
    """Whether the configuration must not be served because of it."""
    policy: str = ""
    """Name of the policy that wants it told."""


class Governor(Plugin):
    """Judges a configuration before it is served. It runs in a background thread, never for a request."""

    kind: ClassVar[str] = "governor"

    def judge(self, documents: Sequence[GovernedDocument]) -> Iterable[Judgement]:
        """What there is to say of the documents of all APIs.

        It is called once, before ``start``. Raises ValueError where the governor's own settings cannot be used.
        """
        raise NotImplementedError(f"{type(self).__name__} must define judge()")

    def resources(self) -> Iterable[Resource]:
        """What the management port shows of it, below ``/governance``. Asked once, after ``judge``."""
        return ()

    @hookimpl
    @classmethod
    def apim_register_governor(cls) -> type[Governor]:
        """Register the class itself."""
        return cls
