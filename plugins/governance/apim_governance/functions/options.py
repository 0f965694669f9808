"""What functions of the language say of options that they do not take, in the words of Spectral."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apim_governance.functions.function import InvalidOption, InvalidOptions

__all__ = ["Options"]


class Options:
    """The options of one use of a function, while they are looked at.

    ``example`` is shown where they are no mapping at all, ``required`` must be there. ``check`` raises all that was
    found wrong: what is missing first, then what is not known, then what has not the value that it must have.
    """

    def __init__(
        self, function: str, written: Any, allowed: Iterable[str], example: str, required: Iterable[str] = ()
    ) -> None:
        self._function = function
        self._example = example
        self._problems: list[InvalidOption] = []
        if not isinstance(written, Mapping):
            self.refuse()
            self.check()
        self._written = written
        for name in required:
            if name not in written:
                self.add(f'"{function}" function is missing "{name}" option')
        for name in written:
            if name not in allowed:
                self.add(f'"{function}" function does not support "{name}" option', name)

    def refuse(self) -> None:
        """Take note that these are no options of the function at all."""
        self.add(f'"{self._function}" function has invalid options specified. Example valid options: {self._example}')

    def add(self, message: str, *path: str | int) -> None:
        """Take note of what is wrong."""
        self._problems.append(InvalidOption(message, path))

    def get(
        self,
        name: str,
        types: type | tuple[type, ...],
        wanted: str,
        default: Any = None,
        holds: Callable[[Any], bool] | None = None,
    ) -> Any:
        """The value of an option of these types, for which ``holds``. ``wanted`` says in words what it must be: of the
        option, or with the function's name in front."""
        if name not in self._written:
            return default
        value = self._written[name]
        boolean = isinstance(value, bool) and types is not bool
        if boolean or not isinstance(value, types) or (holds is not None and not holds(value)):
            whole = wanted.startswith('"')
            self.add(wanted if whole else f'"{self._function}" function and its "{name}" option {wanted}', name)
            return default
        return value

    def check(self) -> None:
        """Raise InvalidOptions if anything was wrong."""
        if self._problems:
            raise InvalidOptions(*self._problems)
