"""``truthy``, ``falsy``, ``defined``, ``undefined``: whether something is there."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.paths.javascript import UNDEFINED, truthy

__all__ = ["Defined", "Falsy", "Truthy", "Undefined"]


@attrs.frozen
class Truthy(RulesetFunction):
    """The value must be there, and not be null, false, 0 or an empty text."""

    def check(self, target: object, context: RuleContext) -> Iterable[str | Violation]:
        return () if truthy(target) else ('#{{print("property")}}must be truthy',)


@attrs.frozen
class Falsy(RulesetFunction):
    """The value must not be there, or be null, false, 0 or an empty text."""

    def check(self, target: object, context: RuleContext) -> Iterable[str | Violation]:
        return ('#{{print("property")}}must be falsy',) if truthy(target) else ()


@attrs.frozen
class Defined(RulesetFunction):
    """The value must be there, whatever it is."""

    def check(self, target: object, context: RuleContext) -> Iterable[str | Violation]:
        return ('#{{print("property")}}must be defined',) if target is UNDEFINED else ()


@attrs.frozen
class Undefined(RulesetFunction):
    """The value must not be there."""

    def check(self, target: object, context: RuleContext) -> Iterable[str | Violation]:
        return () if target is UNDEFINED else ('#{{print("property")}}must be undefined',)
