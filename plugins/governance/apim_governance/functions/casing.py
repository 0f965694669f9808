"""``casing``: how the words of a text are put together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import attrs
from apim_sdk.governance import RuleContext, RulesetFunction, Violation

from apim_governance.functions.options import Options

__all__ = ["Casing"]

_FORMS: Final = {
    "flat": "[a-z][a-z{0}]*",
    "camel": "[a-z][a-z{0}]*(?:[A-Z{0}](?:[a-z{0}]+|$))*",
    "pascal": "[A-Z][a-z{0}]*(?:[A-Z{0}](?:[a-z{0}]+|$))*",
    "kebab": "[a-z][a-z{0}]*(?:-[a-z{0}]+)*",
    "cobol": "[A-Z][A-Z{0}]*(?:-[A-Z{0}]+)*",
    "snake": "[a-z][a-z{0}]*(?:_[a-z{0}]+)*",
    "macro": "[A-Z][A-Z{0}]*(?:_[A-Z{0}]+)*",
}
_WITHOUT_SEPARATOR: Final = ("flat", "camel", "pascal")


@attrs.frozen
class Casing(RulesetFunction):
    """Texts must be of a ``type``: flat, camel, pascal, kebab, cobol, snake or macro case."""

    type: str
    """The case."""
    pattern: re.Pattern[str]
    """What it is compiled to, with digits and a separator as the options have them."""
    leading: str | None = None
    """A separator that may stand alone, and in front."""

    @classmethod
    def from_options(cls, written: Any) -> Casing:
        """See ``functions.function``."""
        example = '{ "type": "camel" }, { "type": "pascal", "disallowDigits": true }'
        options = Options("casing", written, ("type", "disallowDigits", "separator"), example, ("type",))
        wanted = f'"casing" function and its "type" option accept the following values: {", ".join(_FORMS)}'
        kind = options.get("type", str, wanted, holds=_FORMS.__contains__)
        no_digits = options.get("disallowDigits", bool, "accepts only the following types: boolean", False)
        separator = _separator(options)
        options.check()
        digits = "" if no_digits else "0-9"
        form = _FORMS[kind].format(digits)
        if separator is None:
            return cls(kind, re.compile(form))
        character, allow_leading = separator
        between = f"[{re.escape(character)}]" if character else "(?!)"
        leading = f"{between}?" if allow_leading else ""
        return cls(kind, re.compile(f"{leading}{form}(?:{between}{form})*"), character if allow_leading else None)

    def check(self, target: Any, context: RuleContext) -> Iterable[str | Violation]:
        if not isinstance(target, str) or not target:
            return
        if len(target) == 1 and target == self.leading:
            return
        if not self.pattern.fullmatch(target):
            yield f"must be {self.type} case"


def _separator(options: Options) -> tuple[str, bool] | None:
    """The character between words, and whether it may stand in front."""
    separator = options.get("separator", dict, "accepts only the following types: object")
    if separator is None:
        return None
    path = "separator"
    if "char" not in separator:
        options.add('"casing" function is missing "separator.char" option', path)
    for name in separator:
        if name not in ("char", "allowLeading"):
            options.add(f'"casing" function does not support "separator.{name}" option', path, name)
    character, allow_leading = separator.get("char", ""), separator.get("allowLeading", False)
    if not isinstance(character, str) or len(character) > 1:
        text = 'accepts only char, i.e. "I" or "/"'
        options.add(f'"casing" function and its "separator.char" option {text}', path, "char")
    if not isinstance(allow_leading, bool):
        text = "accepts only the following types: boolean"
        options.add(f'"casing" function and its "separator.allowLeading" option {text}', path, "allowLeading")
    return str(character), allow_leading is True
