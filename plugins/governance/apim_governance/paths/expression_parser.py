"""Reads filter expressions: precedence climbing over the operators of JavaScript that have no effect.

``void x`` is ``undefined``; there is no assignment, no function, no ``new``, and only the methods that are listed.
"""

from __future__ import annotations

import re
from typing import Final

from apim_governance.ecmascript import InvalidExpression, compile_expression
from apim_governance.paths import methods
from apim_governance.paths.expression import (
    Array,
    Binary,
    Call,
    Conditional,
    Expression,
    Literal,
    Logical,
    Member,
    Pattern,
    TypeTest,
    Unary,
    Variable,
)
from apim_governance.paths.javascript import UNDEFINED

__all__ = ["METHODS", "TYPES", "ExpressionError", "parse_expression"]

METHODS: Final = methods.NAMES
"""What may be called."""
TYPES: Final = frozenset(
    ("string", "number", "boolean", "null", "array", "object", "integer", "scalar", "nonFinite", "undefined")
)
"""What ``@type()`` may name."""
_VARIABLES: Final = ("@parentProperty", "@property", "@parent", "@path", "@root")
_SPACE: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_STRING: Final = re.compile(r"'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"|`((?:[^`\\$]|\\.)*)`", re.DOTALL)
_PATTERN: Final = re.compile(r"/((?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([a-z]*)")
_OPERATORS: Final = (
    ("??",),
    ("||",),
    ("&&",),
    ("===", "!==", "==", "!="),
    ("<=", ">=", "<", ">", "in "),
    ("+", "-"),
    ("*", "/", "%"),
)
_LOGICAL: Final = frozenset(("??", "||", "&&"))
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_CONSTANTS: Final = {"true": True, "false": False, "null": None, "undefined": UNDEFINED, "NaN": float("nan")}
_DEEPEST: Final = 50
"""Parentheses within parentheses, so that reading them takes a bounded stack."""


class ExpressionError(ValueError):
    """What is no expression; ``position`` is where in the text."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


def parse_expression(text: str, position: int = 0) -> tuple[Expression, int]:
    """The expression that begins at ``position``, and where it ends. Raises ExpressionError."""
    parser = _Parser(text, position)
    expression = parser.expression()
    return expression, parser.position


class _Parser:
    def __init__(self, text: str, position: int) -> None:
        self._text = text
        self.position = position
        self._depth = 0

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"it is nested more than {_DEEPEST} deep")
        test = self._operation(0)
        if self._take("?"):
            yes = self.expression()
            self._expect(":")
            test = Conditional(test, yes, self.expression())
        self._depth -= 1
        return test

    def _operation(self, level: int) -> Expression:
        if level == len(_OPERATORS):
            return self._unary()
        left = self._operation(level + 1)
        while (operator := self._operator(level)) is not None:
            right = self._operation(level + 1)
            kind = Logical if operator in _LOGICAL else Binary
            left = kind(operator, left, right)
        return left

    def _operator(self, level: int) -> str | None:
        self._space()
        for operator in _OPERATORS[level]:
            if self._text.startswith(operator, self.position) and not (
                operator in ("<", ">") and self._text.startswith(("<<", ">>"), self.position)
            ):
                self.position += len(operator)
                return operator.strip()
        return None

    def _unary(self) -> Expression:
        self._space()
        for operator in ("!", "-", "+", "void ", "typeof "):
            if self._text.startswith(operator, self.position):
                self.position += len(operator)
                self._depth += 1
                if self._depth > _DEEPEST:
                    raise self._error(f"it is nested more than {_DEEPEST} deep")
                operand = self._unary()
                self._depth -= 1
                return Unary(operator.strip(), operand)
        return self._postfix(self._primary())

    def _postfix(self, expression: Expression) -> Expression:
        while True:
            if self._take("?."):
                expression = Conditional(
                    Binary("==", expression, Literal(None)), Literal(UNDEFINED), self._named(expression)
                )
            elif self._take("."):
                expression = self._named(expression)
            elif self._take("["):
                name = self.expression()
                self._expect("]")
                expression = Member(expression, name)
            else:
                return expression

    def _named(self, of: Expression) -> Expression:
        self._space()
        name = _NAME.match(self._text, self.position)
        if name is None:
            raise self._error("a name is missing behind the dot")
        self.position = name.end()
        if not self._take("("):
            return Member(of, Literal(name[0]))
        if name[0] not in METHODS:
            self.position = name.start()
            raise self._error(f"there is no method {name[0]!r} here; there are: {', '.join(sorted(METHODS))}")
        return Call(of, name[0], self._items(")"))

    def _items(self, closing: str) -> tuple[Expression, ...]:
        items: list[Expression] = []
        while not self._take(closing):
            items.append(self.expression())
            if not self._take(","):
                self._expect(closing)
                break
        return tuple(items)

    def _primary(self) -> Expression:
        self._space()
        text, position = self._text, self.position
        if self._take("("):
            expression = self.expression()
            self._expect(")")
            return expression
        if self._take("["):
            return Array(self._items("]"))
        if position < len(text) and text[position] in "@$":
            return self._variable()
        if (found := _STRING.match(text, position)) is not None:
            self.position = found.end()
            return Literal(_unescaped(next(group for group in found.groups() if group is not None)))
        if (found := _NUMBER.match(text, position)) is not None:
            self.position = found.end()
            return Literal(_number(found[0]))
        if (found := _PATTERN.match(text, position)) is not None:
            return self._pattern(found)
        if (found := _NAME.match(text, position)) is not None and found[0] in _CONSTANTS:
            self.position = found.end()
            return Literal(_CONSTANTS[found[0]])
        raise self._error(f"{found[0]!r} is not known" if found else "an operand is missing")

    def _variable(self) -> Expression:
        text = self._text
        for name in _VARIABLES:
            if text.startswith(name, self.position):
                self.position += len(name)
                return Variable(name)
        sign = text[self.position]
        self.position += 1
        name_of_type = _NAME.match(text, self.position)
        if sign == "@" and name_of_type is not None:
            if name_of_type[0] not in TYPES:
                raise self._error(f"@{name_of_type[0]} is not known")
            self.position = name_of_type.end()
            self._expect("(")
            self._expect(")")
            return TypeTest(name_of_type[0])
        return Variable("@" if sign == "@" else "@root")

    def _pattern(self, found: re.Match[str]) -> Expression:
        try:
            compile_expression(found[1], found[2])
        except InvalidExpression as error:
            raise self._error(str(error)) from None
        self.position = found.end()
        return Pattern(found[1], found[2])

    def _space(self) -> None:
        found = _SPACE.match(self._text, self.position)
        assert found is not None
        self.position = found.end()

    def _take(self, sign: str) -> bool:
        self._space()
        if not self._text.startswith(sign, self.position):
            return False
        if sign == "?" and self._text.startswith(("?.", "??"), self.position):
            return False
        self.position += len(sign)
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"{sign!r} is missing")

    def _error(self, reason: str) -> ExpressionError:
        return ExpressionError(self.position, reason)


def _number(text: str) -> int | float:
    if text[:2].lower() == "0x":
        return int(text, 16)
    return int(text) if text.isdigit() else float(text)


def _unescaped(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        escape = found[1]
        if escape[0] in "ux":
            return chr(int(escape[1:], 16))
        return _ESCAPES.get(escape, escape)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", character, text, flags=re.DOTALL)
