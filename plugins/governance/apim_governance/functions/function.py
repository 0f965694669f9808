"""Functions with their options: from what a rule writes to an instance, or to what is wrong with it."""

from __future__ import annotations

from typing import Any, Protocol

import attrs
import cattrs
from apim_sdk.governance import JSONPath, RulesetFunction

__all__ = ["Configurable", "Function", "InvalidOption", "InvalidOptions", "configured"]


@attrs.frozen
class InvalidOption:
    """One thing that is wrong with the options of a function; ``path`` leads on from the options themselves."""

    message: str
    path: JSONPath = ()


class InvalidOptions(ValueError):
    """A function cannot have these options."""

    def __init__(self, *problems: InvalidOption) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class Configurable(Protocol):
    """What makes a function of its options, and is no class."""

    def from_options(self, written: Any) -> RulesetFunction:
        """The function with options as a rule writes them (None: none). Raises InvalidOptions."""


Function = type[RulesetFunction] | Configurable
"""What a rule may name."""


def configured(function: Function, name: str, options: Any) -> RulesetFunction:
    """The function with options as a rule writes them (None: none). Raises InvalidOptions.

    A function whose class has ``from_options`` says itself what it takes; of any other the fields are the options.
    """
    own = getattr(function, "from_options", None)
    if own is not None:
        made: RulesetFunction = own(options)
        return made
    assert isinstance(function, type)
    described: type[attrs.AttrsInstance] = function  # type: ignore[assignment]  # every plugin is an attrs class
    fields = {field.alias or field.name: field for field in attrs.fields(described) if field.init}
    if not fields:
        if options is not None:
            raise InvalidOptions(InvalidOption(f'"{name}" function does not accept any options'))
        return function()
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise InvalidOptions(InvalidOption(f'"{name}" function has invalid options specified'))
    unknown = [option for option in options if option not in fields]
    if unknown:
        raise InvalidOptions(
            *(InvalidOption(f'"{name}" function does not support "{option}" option', (option,)) for option in unknown)
        )
    try:
        return _CONVERTER.structure(options, function)
    except cattrs.BaseValidationError as error:
        raise InvalidOptions(
            *(InvalidOption(f'"{name}" function: {text}') for text in cattrs.transform_error(error))
        ) from None


_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
