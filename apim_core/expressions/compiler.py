"""Compiles a syntax tree to Python closures, without `eval` of anything.

Each node becomes one closure over the closures of its operands, chosen by what is known about these: constants
are folded, variables are called directly, chains of `&&` and `||` are one loop, a constant regular expression is
compiled once.
"""

from collections.abc import Mapping

from apim_core.expressions import access, logic
from apim_core.expressions.code import Code, constant, failing
from apim_core.expressions.containers import Item, list_literal, map_literal
from apim_core.expressions.errors import EvaluationError, ExpressionError
from apim_core.expressions.macros import find_macro, needs_activation
from apim_core.expressions.nodes import (
    Call,
    Conditional,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    Name,
    Node,
    Select,
    dotted,
    walk,
)
from apim_core.expressions.overloads import Library, call
from apim_core.expressions.patterns import compile_pattern, matching
from apim_core.expressions.relations import RELATIONS, relation
from apim_core.expressions.scope import Scope, Variables
from apim_core.expressions.suggestions import did_you_mean
from apim_core.expressions.values import type_of
from apim_core.expressions.variables import Variable


class Compiler:
    """Compiles one expression; collects which variables it uses and how many local ones it needs."""

    def __init__(
        self,
        source: str,
        node: Node,
        variables: Mapping[str, Variable],
        library: Library,
        *,
        container: str = "",
        checked: bool = True,
    ) -> None:
        self._source = source
        self._node = node
        self.inside_activation = any(needs_activation(each) for each, _ in walk(node))
        self._variables = Variables(variables, container, self.inside_activation)
        self._library = library
        self._checked = checked
        self.slots = 0
        self.used: set[str] = set()
        self.references: set[str] = set()

    def program(self) -> Code:
        """The code of the whole expression; an `ExpressionError` if it has no meaning."""
        try:
            return self.compile(self._node, Scope())
        except RecursionError:
            raise self.error("the expression is nested too deeply", self._node.offset) from None

    def new_slot(self) -> int:
        """A place for a local variable."""
        self.slots += 1
        return self.slots - 1

    def error(self, message: str, offset: int, hint: str | None = None) -> ExpressionError:
        """An error about the text at this offset, to be raised."""
        return ExpressionError(message, source=self._source, offset=offset, hint=hint)

    def compile(self, node: Node, scope: Scope) -> Code:
        """The code of a node that stands where a value is needed."""
        code = self._code(node, scope)
        if code.record is not None:
            fields = ", ".join(sorted(code.record.fields))
            raise self.error(f"{code.path!r} is no value", node.offset, f"select one of its fields: {fields}")
        return code

    def presence(self, node: Select, scope: Scope) -> Code:
        """The code of `has(operand.field)`."""
        operand = self._code(node.operand, scope)
        if operand.record is None:
            return access.presence(operand, node.field)
        return access.is_present(self._field(operand, node).run)

    def _unknown(self, message: str, offset: int, hint: str | None = None) -> Code:
        if self._checked:
            raise self.error(message, offset, hint)
        return failing(message)

    def _code(self, node: Node, scope: Scope) -> Code:
        match node:
            case Literal(value=value):
                return constant(value, type_of(value))
            case Name():
                return self._name(node, scope)
            case Select():
                return self._select(node, scope)
            case Index():
                return self._index(node, scope)
            case Call():
                return self._call(node, scope)
            case Logical(operator=operator, terms=terms):
                return logic.logical(operator, tuple(self.compile(term, scope) for term in terms))
            case Conditional(condition=condition, positive=positive, negative=negative):
                return logic.conditional(*(self.compile(part, scope) for part in (condition, positive, negative)))
            case ListLiteral(elements=elements):
                return list_literal(tuple(Item(self.compile(each.value, scope), each.optional) for each in elements))
            case MapLiteral():
                return self._map(node, scope)

    def _map(self, node: MapLiteral, scope: Scope) -> Code:
        items = [
            Item(self.compile(entry.value, scope), entry.optional, self.compile(entry.key, scope))
            for entry in node.entries
        ]
        return map_literal(tuple(items))

    def _name(self, node: Name, scope: Scope) -> Code:
        if not node.absolute and (local := scope.locals.get(node.name)) is not None:
            return Code(local)
        found = self._variable(node.name, absolute=node.absolute)
        if found is not None:
            return found
        hint = did_you_mean(node.name, [*scope.locals, *self._variables.declared])
        return self._unknown(f"unknown variable {node.name!r}", node.offset, hint)

    def _variable(self, name: str, *, absolute: bool) -> Code | None:
        found = self._variables.find(name, absolute=absolute)
        if found is None:
            return None
        full_name, code = found
        if full_name in self._variables.declared:
            self.used.add(full_name)
        return code

    def _select(self, node: Select, scope: Scope) -> Code:
        path = dotted(node)
        if path is not None and (path[1] or not scope.hides(path[0])):
            found = self._variable(path[0], absolute=path[1])
            if found is not None:
                return found
        operand = self._code(node.operand, scope)
        if operand.record is not None:
            field = self._field(operand, node)
            return access.optional(field.run) if node.optional else field
        if node.optional:
            return access.optional_access(operand, constant(node.field))
        return access.selection(operand, node.field)

    def _field(self, operand: Code, node: Select) -> Code:
        assert operand.record is not None
        variable = operand.record.fields.get(node.field)
        path = f"{operand.path}.{node.field}"
        if variable is None:
            known = sorted(operand.record.fields)
            hint = did_you_mean(node.field, known, f"it has: {', '.join(known)}")
            return self._unknown(f"{operand.path!r} has no field {node.field!r}", node.offset, hint)
        field = self._variables.code_of(variable, path)
        if field.record is None:
            self.references.add(path)
        return field

    def _index(self, node: Index, scope: Scope) -> Code:
        operand = self._code(node.operand, scope)
        if operand.record is not None:
            raise self.error(f"{operand.path!r} cannot be indexed", node.offset, f"write {operand.path}.field")
        index = self.compile(node.index, scope)
        if node.optional:
            return access.optional_access(operand, index)
        return access.indexing(operand, index)

    def _call(self, node: Call, scope: Scope) -> Code:
        macro = find_macro(node)
        if macro is not None:
            return macro(self, node, scope)
        if node.target is None:
            arguments = tuple(self.compile(argument, scope) for argument in node.arguments)
            return self._apply(node, node.function, arguments, is_method=False)
        name = self._namespaced(node, scope)
        if name is not None:
            arguments = tuple(self.compile(argument, scope) for argument in node.arguments)
            return self._apply(node, name, arguments, is_method=False)
        arguments = tuple(self.compile(argument, scope) for argument in (node.target, *node.arguments))
        return self._apply(node, node.function, arguments, is_method=True)

    def _namespaced(self, node: Call, scope: Scope) -> str | None:
        """The name of the function if the target is not a value but a namespace, as in `math.abs(x)`."""
        path = dotted(node.target) if node.target is not None else None
        if path is None or scope.hides(path[0]) or self._variables.find(path[0].partition(".")[0]):
            return None
        prefix = f"{path[0]}."
        return prefix + node.function if self._library.has_namespace(prefix) else None

    def _apply(self, node: Call, name: str, arguments: tuple[Code, ...], *, is_method: bool) -> Code:
        if name in RELATIONS:
            return relation(name, *arguments)
        if name == "!_":
            return logic.negation(*arguments)
        called = self._library.find(name, len(arguments), is_method=is_method)
        if called is None:
            return self._unknown_function(node, name, is_method=is_method)
        if name == "matches" and type(arguments[1].constant) is str:
            return self._matches(node, arguments[0], arguments[1].constant)
        return call(called, arguments)

    def _matches(self, node: Call, text: Code, pattern: str) -> Code:
        try:
            return matching(text, compile_pattern(pattern))
        except EvaluationError as error:
            raise self.error(error.message, node.arguments[-1].offset) from None

    def _unknown_function(self, node: Call, name: str, *, is_method: bool) -> Code:
        arities = self._library.arities(name, is_method=is_method)
        if arities:
            counts = " or ".join(map(str, arities))
            return self._unknown(f"{name}() takes {counts} arguments, not {len(node.arguments)}", node.offset)
        if self._library.arities(name, is_method=not is_method):
            hint: str | None = f"write {name}(x)" if is_method else f"write x.{name}()"
        else:
            hint = did_you_mean(name, self._library.names(is_method=is_method))
        return self._unknown(f"unknown function {name!r}", node.offset, hint)
