"""Templates: text with expressions in double braces, such as `/v2/orders/{{ path.id }}`.

Text outside `{{` and `}}` stands for itself, single braces included; `{{ '{{' }}` gives two literal braces.
"""

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from apim_core.expressions.code import Run
from apim_core.expressions.errors import EvaluationError, ExpressionError
from apim_core.expressions.functions import ALL_FUNCTIONS
from apim_core.expressions.limits import Limits
from apim_core.expressions.nodes import Node
from apim_core.expressions.parser import Parser

_OPENING, _CLOSING = "{{", "}}"


@attrs.frozen(eq=False)
class Template:
    """A compiled template; immutable."""

    source: str
    """The text of the template."""
    variables: frozenset[str]
    """The variables that its expressions use, by their first name."""
    references: frozenset[str]
    """The fields of records that its expressions use, as dotted names such as `request.body`."""
    constant: bool
    """Whether it holds no expression, so that it renders the same for every context."""
    render: Callable[[Any], str]
    """Gives the text for a context; raises nothing but `EvaluationError`.

    Values are converted as `string()` does, and null gives nothing; a list or map is an error.
    """


def split(source: str, limits: Limits) -> Iterator[str | Node]:
    """The literal texts and expressions of a template, in order; an `ExpressionError` for a malformed one."""
    position = 0
    if _OPENING in source and len(source) > limits.template_length:
        raise ExpressionError(
            f"the template is longer than {limits.template_length} characters", source=source, offset=0
        )
    while (opening := source.find(_OPENING, position)) >= 0:
        if opening > position:
            yield source[position:opening]
        parser = Parser(source, opening + len(_OPENING), limits)
        yield parser.expression()
        position = parser.expect_closing(_CLOSING)
    if position < len(source):
        yield source[position:]


def rendering(parts: tuple[str | Run, ...]) -> Callable[[Any], str]:
    """A function that joins literal texts and what the code gives."""
    if all(isinstance(part, str) for part in parts):
        text = "".join(part for part in parts if isinstance(part, str))
        return lambda _: text
    if len(parts) == 1 and not isinstance(parts[0], str):
        run = parts[0]
        return lambda context: _text_of(run(context))

    def render(context: Any) -> str:
        return "".join([part if isinstance(part, str) else _text_of(part(context)) for part in parts])

    return render


def _text_of(value: Any) -> str:
    if type(value) is str:
        return value
    if value is None:
        return ""
    to_string = ALL_FUNCTIONS.find("string", 1, is_method=False)
    assert to_string is not None
    try:
        return str(to_string.call(value))
    except EvaluationError as error:
        raise EvaluationError(f"the value has no text form: {error.message}") from None
