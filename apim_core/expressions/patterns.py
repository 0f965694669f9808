"""Regular expressions in expressions: RE2, which takes linear time whatever the pattern and the text."""

from typing import Any

import re2  # type: ignore[import-untyped]  # google-re2 has no types

from apim_core.expressions.code import Code
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.types import BOOL
from apim_core.expressions.values import describe, native, type_of


def compile_pattern(pattern: str) -> Any:
    """The RE2 pattern; an `EvaluationError` if it is not one."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise EvaluationError(f"{describe(pattern)} is no regular expression (RE2): {error}") from None


def search(text: str, pattern: Any) -> bool:
    """Whether the compiled pattern is found anywhere in the text."""
    try:
        return pattern.search(text.encode()) is not None  # bytes spare it the positions of characters
    except UnicodeEncodeError:
        raise EvaluationError(f"{describe(text)} has no UTF-8 form, so it cannot be matched") from None


def matching(text: Code, pattern: Any) -> Code:
    """The code of `text.matches('...')` with a compiled pattern."""
    run = text.run

    def match(context: Any) -> bool:
        value = native(run(context))
        if type(value) is not str:
            raise EvaluationError(f"no such overload: matches({type_of(value)}, string)")
        return search(value, pattern)

    return Code(match, BOOL)
