"""Types of configuration fields.

Each is made from what an operator writes in YAML, refuses what it cannot understand with a sentence that says what
it takes, and knows its JSON Schema. ``Expression``, ``Template`` and ``Regex`` are compiled by the engine that is
installed beside the SDK, when they are made: a bad one fails at start, never at a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from apim_sdk.engine import engine

if TYPE_CHECKING:
    from apim_sdk.exchange import Exchange
    from apim_sdk.streams import Message

__all__ = ["Duration", "Expression", "MessageExpression", "Regex", "Secret", "Size", "Template"]

Schema = Mapping[str, Any]

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    None: 1,
}


class Duration(float):
    """A span of time in seconds; written ``250ms``, ``30s``, ``1m``, ``1h30m``, ``7d`` or as a number of seconds."""

    schema: ClassVar[Schema] = {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"},
        ],
        "examples": ["30s", "1h30m"],
    }

    def __new__(cls, value: str | float) -> Duration:
        if isinstance(value, str):
            parts = _DURATION_PART.findall(value)
            if not parts or "".join(number + unit for number, unit in parts) != value:
                raise ValueError(f"{value!r} is not a duration: write 250ms, 30s, 1m, 1h30m, 7d or seconds as a number")
            value = sum(float(number) * _SECONDS[unit] for number, unit in parts)
        if isinstance(value, bool) or not 0 <= value < float("inf"):
            raise ValueError(f"{value!r} is not a duration: it must be a number of seconds, zero or more")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "m", "s"):
            if self >= _SECONDS[unit] and self % _SECONDS[unit] == 0:
                return f"{int(self / _SECONDS[unit])}{unit}"
        return f"{self * 1000:.15g}ms" if self else "0s"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


class Size(int):
    """A number of bytes; written ``512``, ``64KiB``, ``1MiB``, ``10MB``."""

    schema: ClassVar[Schema] = {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?$"},
        ],
        "examples": ["64KiB", "1MiB"],
    }

    def __new__(cls, value: str | int) -> Size:
        if isinstance(value, str):
            match = _SIZE.fullmatch(value)
            if match is None:
                raise ValueError(f"{value!r} is not a size: write 512, 64KiB, 1MiB or 10MB")
            value = int(float(match[1]) * _BYTES[match[2]])
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{value!r} is not a size: it must be a whole number of bytes, zero or more")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        for unit in ("GiB", "MiB", "KiB"):
            if self and self % _BYTES[unit] == 0:
                return f"{self // _BYTES[unit]}{unit}"
        return f"{int(self)}B"

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


class Secret:
    """A value that is shown nowhere: not in a repr, a log, an error, a schema. ``reveal`` gives it."""

    __slots__ = ("_value",)
    schema: ClassVar[Schema] = {"type": "string", "writeOnly": True}

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("a secret must be text")
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__


class _Compiled:
    """Text that the engine compiles as soon as it is read."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        if not isinstance(source, str):
            raise TypeError(f"{source!r} must be text")
        self.source = source

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.source == other.source

    def __hash__(self) -> int:
        return hash((type(self), self.source))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    def __str__(self) -> str:
        return self.source


class Expression(_Compiled):
    """A CEL expression over the exchange, such as ``request.method == 'POST'``.

    ``evaluate(exchange)`` gives its value and raises ``EvaluationError`` where CEL has an error. Raises ValueError when
    the text is no valid expression.
    """

    __slots__ = ("evaluate", "reads_body")
    schema: ClassVar[Schema] = {"type": "string", "format": "cel"}

    evaluate: Callable[[Exchange], Any]
    reads_body: bool

    def __init__(self, source: str) -> None:
        super().__init__(source)
        compiled = engine().expression(source)
        self.evaluate = compiled.evaluate
        self.reads_body = compiled.reads_body


class MessageExpression(_Compiled):
    """A CEL expression over a message of a stream and its exchange, such as ``message.size > 65536``.

    ``evaluate(exchange, message)`` gives its value and raises ``EvaluationError`` where CEL has an error. Raises
    ValueError when the text is no valid expression, and for one that reads a body, of which a stream has none.
    """

    __slots__ = ("evaluate",)
    schema: ClassVar[Schema] = {"type": "string", "format": "cel"}

    evaluate: Callable[[Exchange, Message], Any]

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.evaluate = engine().message_expression(source)


class Template(_Compiled):
    """Text with expressions in double braces: ``/v2/orders/{{ path.id }}``. ``render(exchange)`` gives the text.

    ``constant`` is the text itself where it holds no expression, so that a plugin can prepare it once; else None.
    """

    __slots__ = ("constant", "reads_body", "render")
    schema: ClassVar[Schema] = {"type": "string", "format": "cel-template"}

    render: Callable[[Exchange], str]
    reads_body: bool

    def __init__(self, source: str) -> None:
        super().__init__(source)
        compiled = engine().template(source)
        self.constant = None if "{{" in source else source
        self.render = compiled.evaluate
        self.reads_body = compiled.reads_body


class CompiledPattern(Protocol):
    """A regular expression that runs in time linear to its text."""

    def search(self, text: str) -> Any: ...
    def fullmatch(self, text: str) -> Any: ...
    def sub(self, replacement: str, text: str) -> str: ...


class Regex(_Compiled):
    """A regular expression in RE2 syntax: linear time, so no back-references and no look-around."""

    __slots__ = ("fullmatch", "search", "sub")
    schema: ClassVar[Schema] = {"type": "string", "format": "regex"}

    def __init__(self, source: str) -> None:
        super().__init__(source)
        pattern: CompiledPattern = engine().regex(source)
        self.search = pattern.search
        self.fullmatch = pattern.fullmatch
        self.sub = pattern.sub
