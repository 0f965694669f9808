"""The names that expressions can use, and the way to compile them."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from apim_core.expressions.code import Run
from apim_core.expressions.compiler import Compiler
from apim_core.expressions.errors import EvaluationError
from apim_core.expressions.functions import ALL_FUNCTIONS
from apim_core.expressions.limits import Limits
from apim_core.expressions.nodes import Node
from apim_core.expressions.parser import parse
from apim_core.expressions.program import Program, assemble, entry, guarded
from apim_core.expressions.templates import Template, rendering, split
from apim_core.expressions.variables import Variable


@attrs.frozen(eq=False)
class Environment:
    """Declares the variables of expressions; compiles them and templates."""

    variables: Mapping[str, Variable]
    """By name; a name may be dotted."""
    limits: Limits = attrs.field(factory=Limits, kw_only=True)
    """Bounds on the text and the work of each expression."""
    container: str = attrs.field(default="", kw_only=True)
    """The dotted namespace that names are looked up in first (cel-spec langdef, "Name Resolution")."""
    checked: bool = attrs.field(default=True, kw_only=True)
    """Whether an unknown variable or function is an error when compiling; else it is one where it is evaluated."""

    @classmethod
    def of_names(cls, *names: str, container: str = "", checked: bool = True) -> "Environment":
        """An environment whose contexts are mappings from these names to values."""
        return cls({name: _item(name) for name in names}, container=container, checked=checked)

    def compile(self, source: str) -> Program:
        """The program of an expression; an `ExpressionError` says what is wrong with its text, and where."""
        return assemble(source, self._compiler(source, parse(source, self.limits)), self.limits)

    def template(self, source: str) -> Template:
        """The template of a text with `{{ expressions }}`; an `ExpressionError` if one of them is wrong."""
        variables: set[str] = set()
        references: set[str] = set()
        parts: list[str | Run] = []
        for part in split(source, self.limits):
            if isinstance(part, str):
                parts.append(part)
                continue
            compiler = self._compiler(source, part)
            parts.append(entry(compiler.program(), compiler, self.limits))
            variables |= compiler.used
            references |= compiler.references
        constant = all(isinstance(part, str) for part in parts)
        render = guarded(rendering(tuple(parts)), source)
        return Template(source, frozenset(variables), frozenset(references), constant, render)

    def _compiler(self, source: str, node: Node) -> Compiler:
        return Compiler(source, node, self.variables, ALL_FUNCTIONS, container=self.container, checked=self.checked)


def _item(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(context: Mapping[str, Any]) -> Any:
        try:
            return context[name]
        except KeyError:
            raise EvaluationError(f"no value for the variable {name!r}") from None

    return read
