"""``pattern``: whether a text matches a regular expression of ECMAScript."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.ecmascript import Expression, InvalidExpression, compile_expression
from apim_governance.functions.function import InvalidOption, InvalidOptions
from apim_governance.functions.options import Options
from apim_governance.messages import printed

__all__ = ["Pattern"]

_DELIMITED: Final = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)


@attrs.frozen
class Pattern(RulesetFunction):
    """Texts must match one expression, and must not match another; anything else is not looked at."""

    match: Expression | None = None
    """What must be found in the text: ``^[a-z]`` or ``/^[a-z]/i``."""
    not_match: Expression | None = None
    """What must not be found in it."""
    match_text: str = ""
    not_match_text: str = ""

    @classmethod
    def from_options(cls, written: Any) -> Pattern:
        """See ``functions.function``."""
        example = (
            '{ "match": "^Stoplight" }, { "notMatch": "Swagger" }, { "match": "Stoplight", "notMatch": "Swagger" }'
        )
        options = Options("pattern", written, ("match", "notMatch"), example)
        if not written:
            options.refuse()
        match, not_match = (
            options.get(name, str, "must be string or RegExp instance") for name in ("match", "notMatch")
        )
        options.check()
        try:
            return cls(_compiled(match), _compiled(not_match), match or "", not_match or "")
        except InvalidExpression as error:
            raise InvalidOptions(InvalidOption(f'"pattern" function: {error}')) from None

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, str):
            return
        try:
            if self.match is not None and not self.match.test(target):
                yield f'#{{{{print("value")}}}} must match the pattern {printed(self.match_text)}'
            if self.not_match is not None and self.not_match.test(target):
                yield f'#{{{{print("value")}}}} must not match the pattern {printed(self.not_match_text)}'
        except TimeoutError:
            yield 'it takes too long to tell whether #{{print("value")}} matches'


def _compiled(text: str | None) -> Expression | None:
    if text is None:
        return None
    found = _DELIMITED.fullmatch(text)
    return compile_expression(text) if found is None else compile_expression(found[1], found[2].replace("g", ""))
