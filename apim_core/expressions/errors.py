"""What can go wrong with an expression: the text is wrong (at deploy), or this request's values do not fit (at run)."""

from apim_sdk import errors


class ExpressionError(ValueError):
    """The text of an expression or template cannot be compiled.

    `offset` counts characters from 0; `line` and `column` count from 1. `hint` says how to mend it, if that is known.
    """

    def __init__(self, message: str, *, source: str, offset: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.offset = offset
        self.hint = hint
        self.line = source.count("\n", 0, offset) + 1
        self.column = offset - (source.rfind("\n", 0, offset) + 1) + 1

    def __str__(self) -> str:
        shown = self.source.split("\n")[self.line - 1]
        start = max(0, self.column - 1 - 60)
        excerpt = shown[start : start + 100].replace("\t", " ")
        hint = f"; {self.hint}" if self.hint else ""
        caret = " " * (self.column - 1 - start) + "^"
        return f"{self.message} (line {self.line}, column {self.column}){hint}\n  {excerpt}\n  {caret}"


class EvaluationError(errors.EvaluationError):
    """An expression has no value for this context: a key is missing, a type does not fit, a number overflows.

    `source` is the text of the expression, once the error has left its program.
    """

    def __init__(self, message: str, source: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.source = source

    def __str__(self) -> str:
        return self.message if self.source is None else f"{self.message} (in the expression: {self.source})"
