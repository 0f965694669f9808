"""``enumeration``: whether a value is one of some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options
from apim_governance.messages import printed
from apim_governance.paths.javascript import UNDEFINED, same

__all__ = ["Enumeration"]


@attrs.frozen
class Enumeration(RulesetFunction):
    """Texts, numbers, booleans and null must be one of ``values``; anything else is not looked at."""

    values: tuple[Any, ...]
    """What is allowed."""

    @classmethod
    def from_options(cls, written: Any) -> Enumeration:
        """See ``functions.function``."""
        example = '{ "values": ["Berlin", "London", "Paris"] }, { "values": [2, 3, 5, 8, 13, 21] }'
        options = Options("enumeration", written, ("values",), example, ("values",))
        wanted = (
            '"enumeration" and its "values" option support only arrays of primitive values, '
            'i.e. ["Berlin", "London", "Paris"]'
        )
        values = options.get("values", list, wanted, holds=_primitive)
        options.check()
        return cls(tuple(values))

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if target is UNDEFINED or isinstance(target, list | dict):
            return
        if not any(same(value, target) for value in self.values):
            allowed = ", ".join(map(printed, self.values))
            yield f'#{{{{print("value")}}}} must be equal to one of the allowed values: {allowed}'


def _primitive(values: list[Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in values)
