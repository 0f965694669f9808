"""``xor`` and ``or``: which members a mapping has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, Self

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options

__all__ = ["Or", "Xor"]

_MOST_NAMED: Final = 4
"""Names that a message lists; of more it lists three and counts the others."""


@attrs.frozen
class _Members(RulesetFunction):
    """Looks at the ``properties`` that a mapping has."""

    properties: tuple[str, ...]
    """Names of members."""

    example: ClassVar[str]
    """Options that would do, as messages show them."""
    lists: ClassVar[str]
    """Lists of names, likewise."""

    @classmethod
    def from_options(cls, written: Any) -> Self:
        """See ``functions.function``."""
        name = cls.__name__.lower()
        options = Options(name, written, ("properties",), cls.example, ("properties",))
        wanted = f'"{name}" requires at least two enumerated "properties", i.e. {cls.lists}, etc.'
        properties = options.get("properties", list, wanted, holds=_names)
        options.check()
        return cls(tuple(properties))

    def _there(self, target: Any) -> list[str] | None:
        return [name for name in target if name in self.properties] if isinstance(target, dict) else None

    def _missing(self) -> str:
        names = [f'"{name}"' for name in self.properties]
        if len(names) > _MOST_NAMED:
            names[3:] = [f"{len(names) - 3} other properties"]
        return f"At least one of {' or '.join(names)} must be defined"


def _names(value: list[Any]) -> bool:
    return len(value) > 1 and all(isinstance(each, str) for each in value)


@attrs.frozen
class Xor(_Members):
    """A mapping must have exactly one of ``properties``."""

    example: ClassVar[str] = '{ "properties": ["country", "street"] }, { "properties": ["one", "two", "three"] }, etc.'
    lists: ClassVar[str] = '["country", "street"], ["one", "two", "three"]'

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        there = self._there(target)
        if there is None or len(there) == 1:
            return
        if there:
            names = " and ".join(f'"{name}"' for name in there)
            yield f"Just one of {names} must be defined"
        else:
            yield self._missing()


@attrs.frozen
class Or(_Members):
    """A mapping must have at least one of ``properties``."""

    example: ClassVar[str] = (
        '{ "properties": ["default", "example"] }, { "properties": ["title", "summary", "description"] }, etc.'
    )
    lists: ClassVar[str] = '["default", "example"], ["title", "summary", "description"]'

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if self._there(target) == []:
            yield self._missing()
