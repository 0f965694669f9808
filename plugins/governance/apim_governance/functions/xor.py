"""``xor`` and ``or``: which members a mapping has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.function import InvalidOption, InvalidOptions
from apim_governance.functions.options import Options
from apim_governance.messages import printed

__all__ = ["Or", "Xor"]


@attrs.frozen
class _Members(RulesetFunction):
    """Looks at the ``properties`` that a mapping has."""

    properties: tuple[str, ...]
    """Names of members."""

    @classmethod
    def from_options(cls, written: Any) -> Self:
        """See ``functions.function``."""
        name = cls.__name__.lower()
        example = '{ "properties": ["country", "street"] }, { "properties": ["one", "two", "three"] }, etc.'
        options = Options(name, written, ("properties",), example)
        if "properties" not in written:
            options.require_any("properties")
        properties = written.get("properties")
        if properties is not None:
            texts = isinstance(properties, list) and all(isinstance(each, str) for each in properties)
            if not texts or len(properties) < 2:
                text = 'i.e. ["country", "street"], ["one", "two", "three"], etc.'
                options.add(f'"{name}" requires at least two enumerated "properties", {text}', "properties")
        options.check()
        if properties is None:
            raise InvalidOptions(InvalidOption(f'"{name}" function is missing "properties" option'))
        return cls(tuple(properties))

    def _there(self, target: Any) -> list[str] | None:
        return [name for name in self.properties if name in target] if isinstance(target, dict) else None


@attrs.frozen
class Xor(_Members):
    """A mapping must have exactly one of ``properties``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        there = self._there(target)
        if there is None or len(there) == 1:
            return
        if there:
            names = " and ".join(map(printed, self.properties))
            yield f"Just one of {names} must be defined"
        else:
            names = " or ".join(map(printed, self.properties))
            yield f"At least one of {names} must be defined"


@attrs.frozen
class Or(_Members):
    """A mapping must have at least one of ``properties``."""

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        there = self._there(target)
        if there == []:
            names = " or ".join(map(printed, self.properties))
            yield f"At least one of {names} must be defined"
