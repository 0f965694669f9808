"""What functions of the language say of options that they do not take, in the words of Spectral."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apim_governance.functions.function import InvalidOption, InvalidOptions

__all__ = ["Options"]


class Options:
    """The options of one use of a function, while they are looked at.

    ``example`` is shown where they are no mapping at all. ``check`` raises all that was found wrong.
    """

    def __init__(self, function: str, written: Any, allowed: Iterable[str], example: str) -> None:
        self._function = function
        self._example = example
        self._problems: list[InvalidOption] = []
        if not isinstance(written, Mapping):
            raise InvalidOptions(self._invalid())
        self._written = written
        for name in written:
            if name not in allowed:
                self.add(f'"{function}" function does not support "{name}" option', name)

    def _invalid(self) -> InvalidOption:
        return InvalidOption(
            f'"{self._function}" function has invalid options specified. Example valid options: {self._example}'
        )

    def add(self, message: str, *path: str | int) -> None:
        """Take note of what is wrong."""
        self._problems.append(InvalidOption(message, path))

    def require_any(self, *names: str) -> None:
        """One of these must be there."""
        if not any(name in self._written for name in names):
            self._problems.append(self._invalid())

    def get(self, name: str, types: type | tuple[type, ...], wanted: str, default: Any = None) -> Any:
        """The value of an option of these types; ``wanted`` says in words what it must be."""
        if name not in self._written:
            return default
        value = self._written[name]
        boolean = isinstance(value, bool) and types is not bool
        if boolean or not isinstance(value, types):
            self.add(f'"{self._function}" function and its "{name}" option {wanted}', name)
            return default
        return value

    def check(self) -> None:
        """Raise InvalidOptions if anything was wrong."""
        if self._problems:
            raise InvalidOptions(*self._problems)
