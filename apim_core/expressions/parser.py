"""Parses the text of an expression into its syntax tree.

The grammar (cel-spec langdef, "Syntax"; with the optional-value syntax of the optionals extension):

    expression  = disjunction ["?" disjunction ":" expression]
    disjunction = conjunction {"||" conjunction}
    conjunction = relation {"&&" relation}
    relation    = sum {("<" | "<=" | ">" | ">=" | "==" | "!=" | "in") sum}
    sum         = product {("+" | "-") product}
    product     = unary {("*" | "/" | "%") unary}
    unary       = {"!"} member | {"-"} member
    member      = primary { ("." | ".?") field | "." name "(" [arguments] ")" | ("[" | "[?") expression "]" }
    primary     = literal | "(" expression ")" | ["."] name ["(" [arguments] ")"] | list | map
    list        = "[" [["?"] expression {"," ["?"] expression} [","]] "]"
    map         = "{" [["?"] expression ":" expression {"," ...} [","]] "}"
    field       = name | "`" quoted name "`"

Binary operators are read by precedence climbing; `&&` and `||` chains become one node, so that their length costs no
depth.
A message construction (`Type{...}`) is recognised and refused: there are no message types here.
"""

from apim_core.expressions.errors import ExpressionError
from apim_core.expressions.lexer import Lexer, Token
from apim_core.expressions.limits import Limits
from apim_core.expressions.nodes import (
    Call,
    Conditional,
    Element,
    Entry,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    Name,
    Node,
    Select,
    walk,
)
from apim_core.expressions.values import INT_MAXIMUM, INT_MINIMUM, UINT_MAXIMUM, UInt

_PRECEDENCE = {
    "||": 1, "&&": 2,
    "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3,
    "+": 4, "-": 4,
    "*": 5, "/": 5, "%": 5,
}  # fmt: skip

_CONSTANTS = {"true": True, "false": False, "null": None}

_KEYWORDS = frozenset({*_CONSTANTS, "in"})
_RESERVED = _KEYWORDS | frozenset(
    {
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
        "namespace", "return", "var", "void", "while",
    }
)  # fmt: skip

_WORD_HINTS = {"and": "write '&&'", "or": "write '||'", "not": "write '!'", "is": "write '=='"}


def parse(source: str, limits: Limits) -> Node:
    """The tree of the whole text, which must be one expression; an `ExpressionError` otherwise."""
    parser = Parser(source, 0, limits)
    node = parser.expression()
    parser.expect_end()
    return node


class Parser:
    """Reads one expression from `source`, starting at `offset`; `current` is the first token behind it afterwards."""

    def __init__(self, source: str, offset: int, limits: Limits) -> None:
        self._lexer = Lexer(source)
        self._limits = limits
        self._start = offset
        self.current = self._lexer.token_at(offset)

    def expression(self) -> Node:
        """The expression at `current`."""
        try:
            node = self._expression(0)
        except RecursionError:
            raise self._too_deep(self.current.offset) from None
        too_deep = next((each for each, depth in walk(node) if depth > self._limits.nesting), None)
        if too_deep is not None:
            raise self._too_deep(too_deep.offset)
        return node

    def expect_end(self) -> None:
        """An `ExpressionError` unless all text has been read."""
        if self.current.kind != "end":
            hint = _WORD_HINTS.get(self.current.text)
            raise self._error(f"unexpected {self.current.text!r} after the expression", hint)

    def expect_closing(self, closing: str) -> int:
        """The offset behind the text that must follow the expression; an `ExpressionError` if something else does."""
        found = self.current
        if not self._lexer.source.startswith(closing, found.offset):
            raise self._error(f"expected {closing!r} after the expression but found {found.text or 'the end'!r}")
        return found.offset + len(closing)

    def _error(self, message: str, hint: str | None = None) -> ExpressionError:
        return self._lexer.error(message, self.current.offset, hint)

    def _too_deep(self, offset: int) -> ExpressionError:
        return self._lexer.error(f"the expression is nested more than {self._limits.nesting} levels deep", offset)

    def _advance(self) -> Token:
        token = self.current
        self.current = self._lexer.token_at(token.end)
        if self.current.end - self._start > self._limits.source_length:
            raise self._lexer.error(
                f"the expression is longer than {self._limits.source_length} characters", self._start
            )
        return token

    def _take(self, kind: str) -> bool:
        if self.current.kind != kind:
            return False
        self._advance()
        return True

    def _expect(self, kind: str) -> None:
        if not self._take(kind):
            found = "the end" if self.current.kind == "end" else repr(self.current.text)
            raise self._error(f"expected {kind!r} but found {found}", _WORD_HINTS.get(self.current.text))

    def _expression(self, level: int) -> Node:
        if level > self._limits.nesting:
            raise self._too_deep(self.current.offset)
        condition = self._binary(level, 1)
        if self.current.kind != "?":
            return condition
        offset = self._advance().offset
        positive = self._binary(level + 1, 1)
        self._expect(":")
        negative = self._expression(level + 1)
        return Conditional(offset, condition, positive, negative)

    def _binary(self, level: int, minimum: int) -> Node:
        left = self._unary(level)
        while True:
            operator = self.current.text if self.current.kind == "name" else self.current.kind
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < max(minimum, 1):
                return left
            offset = self._advance().offset
            right = self._binary(level, precedence + 1)
            left = self._joined(offset, operator, left, right)

    def _joined(self, offset: int, operator: str, left: Node, right: Node) -> Node:
        if operator in ("&&", "||"):
            return Logical(offset, operator, (*self._terms(left, operator), *self._terms(right, operator)))
        return Call(offset, "@in" if operator == "in" else f"_{operator}_", (left, right))

    @staticmethod
    def _terms(node: Node, operator: str) -> tuple[Node, ...]:
        return node.terms if isinstance(node, Logical) and node.operator == operator else (node,)

    def _unary(self, level: int) -> Node:
        if self.current.kind not in ("!", "-"):
            return self._member(level, self._primary(level))
        operators = [self._advance()]
        while self.current.kind == operators[0].kind:
            operators.append(self._advance())
        if self.current.kind in ("!", "-"):
            raise self._error(f"{self.current.kind!r} cannot follow {operators[0].kind!r}", "use brackets")
        negative = operators[0].kind == "-" and isinstance(self.current.value, (int, float))
        if negative:
            operators.pop()
        operand = self._member(level, self._primary(level, negative=negative))
        for operator in reversed(operators):
            operand = Call(operator.offset, f"{operator.kind}_", (operand,))
        return operand

    def _primary(self, level: int, *, negative: bool = False) -> Node:
        match self.current.kind:
            case "literal":
                return self._literal(negative=negative)
            case "(":
                return self._bracketed(level)
            case "name" | ".":
                return self._name(level)
            case "[" | "[?":
                return self._list(level)
            case "{":
                return self._map(level)
        found = "the end" if self.current.kind == "end" else repr(self.current.text)
        raise self._error(f"expected an expression but found {found}")

    def _literal(self, *, negative: bool) -> Node:
        token = self._advance()
        value = token.value
        if isinstance(value, UInt):
            if negative:
                raise self._lexer.error("an unsigned number has no sign", token.offset)
            if value > UINT_MAXIMUM:
                raise self._lexer.error("the number does not fit an unsigned 64-bit integer", token.offset)
        elif isinstance(value, int):
            value = -value if negative else value
            if not INT_MINIMUM <= value <= INT_MAXIMUM:
                raise self._lexer.error("the number does not fit a 64-bit integer", token.offset)
        elif isinstance(value, float):
            value = -value if negative else value
        return Literal(token.offset, value)

    def _bracketed(self, level: int) -> Node:
        self._advance()
        inside = self._expression(level + 1)
        self._expect(")")
        return inside

    def _name(self, level: int) -> Node:
        offset, absolute = self.current.offset, self._take(".")
        if self.current.kind != "name":
            raise self._error(f"expected a name but found {self.current.text!r}")
        token = self._advance()
        if token.text in _CONSTANTS and not absolute:
            return Literal(offset, _CONSTANTS[token.text])
        if token.text in _RESERVED:
            raise self._lexer.error(f"{token.text!r} is a reserved word", token.offset)
        if self.current.kind == "(":
            return Call(offset, token.text, self._arguments(level))
        return Name(offset, token.text, absolute)

    def _arguments(self, level: int) -> tuple[Node, ...]:
        self._advance()
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._expression(level + 1))
            self._check_size(len(arguments), "a call", "arguments")
        return tuple(arguments)

    def _check_size(self, size: int, what: str, parts: str) -> None:
        if size > self._limits.literal_elements:
            raise self._error(f"{what} has more than {self._limits.literal_elements} {parts}")

    def _list(self, level: int) -> Node:
        opening = self._advance()
        optional = opening.kind == "[?"
        elements: list[Element] = []
        while optional or not self._take("]"):
            if elements:
                self._expect(",")
                if self._take("]"):
                    break
            optional = optional or self._take("?")
            value = self._expression(level + 1)
            elements.append(Element(value, optional))
            optional = False
            self._check_size(len(elements), "the list", "elements")
        return ListLiteral(opening.offset, tuple(elements))

    def _map(self, level: int) -> Node:
        offset = self._advance().offset
        entries: list[Entry] = []
        while not self._take("}"):
            if entries:
                self._expect(",")
                if self._take("}"):
                    break
            optional = self._take("?")
            key = self._expression(level + 1)
            self._expect(":")
            value = self._expression(level + 1)
            entries.append(Entry(key, value, optional))
            self._check_size(len(entries), "the map", "entries")
        return MapLiteral(offset, tuple(entries))

    def _member(self, level: int, operand: Node) -> Node:
        while True:
            match self.current.kind:
                case "." | ".?":
                    operand = self._selection(level, operand)
                case "[" | "[?":
                    opening = self._advance()
                    index = self._expression(level + 1)
                    self._expect("]")
                    operand = Index(opening.offset, operand, index, opening.kind == "[?")
                case "{" if isinstance(operand, (Name, Select)):
                    raise self._error("there are no message types to construct")
                case _:
                    return operand

    def _selection(self, level: int, operand: Node) -> Node:
        optional = self._advance().kind == ".?"
        field = self.current
        if field.kind not in ("name", "quoted-name"):
            found = "the end" if field.kind == "end" else repr(field.text)
            raise self._error(f"expected a field name but found {found}", "write other keys as ['key']")
        if field.kind == "name" and field.text in _KEYWORDS:
            raise self._error(f"{field.text!r} is a reserved word", f"write ['{field.text}']")
        self._advance()
        if self.current.kind == "(" and field.kind == "name" and not optional:
            return Call(field.offset, field.text, self._arguments(level), operand)
        return Select(field.offset, operand, field.text, optional)
